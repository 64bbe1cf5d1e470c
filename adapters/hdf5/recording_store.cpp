// Implements recording_store.hpp.
#include "adapters/hdf5/recording_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "adapters/hdf5/netcdf.hpp"
#include "adapters/hdf5/recording_format.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

class FileStore : public RecordingStore {
 public:
  FileStore() { start_hdf5(); }

  std::unique_ptr<RecordingWriter> create(const std::string& path, const RecordingHeader& header) const override {
    for (const std::string& file : {path, path + k_part_ending}) {
      if (!fs::exists(file)) continue;
      throw Error(ErrorCode::plan,
                  fmt::format("the recording {} is there already; remove it, or change output.directory or "
                              "output.record.file",
                              file));
    }
    const fs::path folder = fs::absolute(path).parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      throw Error(ErrorCode::internal,
                  fmt::format("cannot make the folder {}: {}; see whether ML ranks may write there, "
                              "and have room",
                              folder.string(), error.message()));
    return create_recording_file(path, header);
  }

  std::unique_ptr<RecordingReader> open(const std::string& path) const override { return open_recording_file(path); }
};

bool is_taken(const std::string& name, const std::vector<std::string>& names) {
  for (const char* own :
       {"time", "step", "exchange", "point", "chunk", "global_id", "chunk_number", "longitude", "latitude"})
    if (name == own) return true;
  return name.rfind("level_", 0) == 0 || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::unique_ptr<RecordingStore> make_hdf5_recording_store() { return std::make_unique<FileStore>(); }

Hdf5Properties recording_access(const std::string& path) {
  Hdf5Properties properties(check_hdf5(H5Pcreate(H5P_FILE_ACCESS), "open", path));
  check_hdf5(H5Pset_file_locking(properties.get(), false, true), "open", path);
  // SWMR needs this format, and every HDF5 since 1.10 reads it.
  check_hdf5(H5Pset_libver_bounds(properties.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), "open", path);
  // HDF5 reads again what is being written meanwhile, after 1, 2, 4, ... ns: for 0.13 s. By default it does so 100
  // times, which for a damaged file is for ever.
  check_hdf5(H5Pset_metadata_read_attempts(properties.get(), 27), "open", path);
  return properties;
}

std::vector<std::string> variable_names(const std::vector<RecordedField>& fields) {
  std::vector<std::string> names;
  for (const RecordedField& field : fields) {
    std::string name = netcdf_name(field.name);
    if (name.rfind("level_", 0) == 0) name = "field_" + name;
    while (is_taken(name, names)) name += "_";
    names.push_back(name);
  }
  return names;
}

const char* cf_calendar(CalendarKind kind) {
  switch (kind) {
    case CalendarKind::days_365:
      return "365_day";
    case CalendarKind::days_360:
      return "360_day";
    case CalendarKind::proleptic_gregorian:
      break;
  }
  return "proleptic_gregorian";
}

}  // namespace ekman
