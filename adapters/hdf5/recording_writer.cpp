// Writes a recording: HDF5 with the dimension scales and attributes of netCDF-4 and CF. All datasets are made first;
// then the file is in SWMR mode, in which what is in it stays readable whenever the process ends.
#include <fmt/format.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "adapters/hdf5/netcdf.hpp"
#include "adapters/hdf5/recording_format.hpp"
#include "coupler/base/check.hpp"
#include "coupler/base/durable_file.hpp"
#include "coupler/base/version.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_write = "write";
constexpr hsize_t k_times_per_block = 512;
constexpr hsize_t k_page = 4096;                              // bytes; pages of memory are no smaller
constexpr hsize_t k_most_bytes_per_block = hsize_t{1} << 30;  // HDF5 takes 4 GiB
// Level 2 and more took longer to write for hardly smaller files; docs/recording.md has figures.
constexpr unsigned k_deflate = 1;

using Extent = std::vector<hsize_t>;

class FileWriter : public RecordingWriter {
 public:
  FileWriter(std::string path, const RecordingHeader& header)
      : path_(std::move(path)),
        part_(path_ + k_part_ending),
        begun_(begun_name(path_)),
        header_(header),
        points_(header.ids.size()),
        file_(check(H5Fcreate(begun_.c_str(), H5F_ACC_TRUNC, paged_creation().get(), recording_access(begun_).get()))) {
    try {
      write_root();
      make_dimensions();
      make_coordinates();
      make_fields();
      check(H5Fstart_swmr_write(file_.get()));
      rename_path(begun_, part_);
    } catch (const std::exception&) {
      std::error_code error;
      fs::remove(begun_, error);
      throw;
    }
  }

  void write(std::int64_t field, std::int64_t place, const std::byte* values) override {
    const Hdf5Dataset& dataset = fields_[field];
    if (extended_[field] == records_) extend(dataset, extended_[field], field);
    const hsize_t levels = header_.fields[field].levels;
    const hsize_t rows = header_.rows_of(place), first = header_.first_row(place);
    const Extent start{static_cast<hsize_t>(records_), first, 0}, count{1, rows, levels};
    const int rank = levels > 1 ? 3 : 2;
    const Hdf5Space target(check(H5Dget_space(dataset.get())));
    check(H5Sselect_hyperslab(target.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
    const Hdf5Space source(check(H5Screate_simple(rank, count.data(), nullptr)));
    check(H5Dwrite(dataset.get(), type(), source.get(), target.get(), H5P_DEFAULT, values));
  }

  // Steps come last, behind all else: a reader takes as many records as there are steps.
  void end_record(const Record& record) override {
    for (const std::int64_t extended : extended_) EKMAN_ASSERT(extended == records_ + 1);
    const double time = time_of(record.step);
    append(time_, H5T_NATIVE_DOUBLE, &time);
    append(exchange_, H5T_NATIVE_INT64, &record.exchange);
    check(H5Fflush(file_.get(), H5F_SCOPE_LOCAL));
    append(step_, H5T_NATIVE_INT64, &record.step);
    check(H5Fflush(file_.get(), H5F_SCOPE_LOCAL));
    ++records_;
  }

  std::int64_t bytes() const override {
    hsize_t size = 0;
    check(H5Fget_filesize(file_.get(), &size));
    return static_cast<std::int64_t>(size);
  }

  void finish() override {
    for (Hdf5Dataset* dataset : {&time_, &step_, &exchange_}) check(dataset->close());
    for (Hdf5Dataset& dataset : fields_) check(dataset.close());
    check(file_.close());
    sync_path(part_);
    rename_durably(part_, path_);
  }

 private:
  // Until it can be read: hidden, so that nobody takes it for a recording if the process ends meanwhile.
  static std::string begun_name(const fs::path& path) {
    return (path.parent_path() / ("." + path.filename().string() + ".begun")).string();
  }

  // Where the kernel kills a process that writes, it ends the write between two pages: what HDF5 keeps of the file's
  // structure is smaller than a page, and lies in one.
  Hdf5Properties paged_creation() const {
    Hdf5Properties properties(check(H5Pcreate(H5P_FILE_CREATE)));
    check(H5Pset_file_space_strategy(properties.get(), H5F_FSPACE_STRATEGY_PAGE, false, 1));
    check(H5Pset_file_space_page_size(properties.get(), k_page));
    return properties;
  }

  hid_t check(hid_t status) const { return check_hdf5(status, k_write, part_); }
  Hdf5Named named(hid_t object) const { return recording_named(object, part_); }
  hid_t type() const { return header_.wire == Real::float32 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE; }
  bool has_dates() const { return header_.clock.calendar.given && header_.clock.timestep > 0; }

  double time_of(std::int64_t step) const {
    if (!has_dates()) return static_cast<double>(step);
    return static_cast<double>(step) * (static_cast<double>(header_.clock.timestep) / k_microseconds_per_second);
  }

  void write_root() const {
    const Hdf5Named root = named(file_.get());
    write_label(root, "Conventions", "CF-1.10");
    write_label(root, "title",
                fmt::format("Exchanges of network {} with component {}", header_.network, header_.component));
    write_label(root, "format", k_recording_format);
    write_number(root, "format_version", k_recording_version);
    write_label(root, "ekman", build_version());
    write_label(root, "component", header_.component);
    write_label(root, "network", header_.network);
    write_label(root, "sample", header_.sample == Sample::grid ? "grid" : "point");
    if (header_.sample == Sample::grid) write_numbers(root, "grid_shape", {header_.grid_ny, header_.grid_nx});
    write_number(root, "chunk_samples", header_.chunk);
    if (header_.clock.timestep > 0) write_number(root, "timestep_microseconds", header_.clock.timestep);
    std::string names;
    for (const std::string& name : variable_names(header_.fields)) names += (names.empty() ? "" : " ") + name;
    write_label(root, "fields", names);
  }

  // `block`: a list that grows, with so many values in a piece; empty: of fixed length. One with two extents that may
  // grow has a B-tree as its index, with nodes of 2 KiB; with one, blocks that outgrow a page.
  Hdf5Dataset make_variable(const std::string& name, hid_t kind, const Extent& now, const Extent& most,
                            const Extent& block, bool packed) const {
    const Hdf5Space space(check(H5Screate_simple(static_cast<int>(now.size()), now.data(), most.data())));
    const Hdf5Properties creation(check(H5Pcreate(H5P_DATASET_CREATE))), access(check(H5Pcreate(H5P_DATASET_ACCESS)));
    if (!block.empty()) check(H5Pset_chunk(creation.get(), static_cast<int>(block.size()), block.data()));
    if (packed) {
      check(H5Pset_shuffle(creation.get()));
      check(H5Pset_deflate(creation.get(), k_deflate));
      hsize_t bytes = H5Tget_size(kind);
      for (const hsize_t length : block) bytes *= length;
      // One block: they are written whole, one after the other.
      check(H5Pset_chunk_cache(access.get(), 1, bytes, 1.0));
    }
    return Hdf5Dataset(
        check(H5Dcreate2(file_.get(), name.c_str(), kind, space.get(), H5P_DEFAULT, creation.get(), access.get())));
  }

  void make_dimension(const std::string& name, hsize_t length) const {
    make_netcdf_dimension(named(file_.get()), name, length);
  }

  void attach(const Hdf5Dataset& dataset, const std::string& dimension, unsigned place) const {
    attach_netcdf_dimension(named(file_.get()), dataset.get(), dimension, place);
  }

  void make_dimensions() {
    time_ = make_variable("time", H5T_NATIVE_DOUBLE, {0}, {H5S_UNLIMITED}, {k_times_per_block}, false);
    check(H5DSset_scale(time_.get(), "time"));
    const Hdf5Named time = named(time_.get());
    write_label(time, "long_name", has_dates() ? "end of the model step" : "number of the model step, from 1");
    write_label(time, "axis", "T");
    if (has_dates()) {
      const Calendar& calendar = header_.clock.calendar;
      std::string start = date_text(calendar.kind, calendar.start);
      std::replace(start.begin(), start.end(), 'T', ' ');
      write_label(time, "standard_name", "time");
      write_label(time, "units", "seconds since " + start);
      write_label(time, "calendar", cf_calendar(calendar.kind));
    } else {
      write_label(time, "units", k_no_unit);
    }
    make_dimension("point", points_);
    make_dimension("chunk", header_.chunks.size());
    std::vector<std::int64_t> levels;
    for (const RecordedField& field : header_.fields) levels.push_back(field.levels);
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    for (const std::int64_t count : levels)
      if (count > 1) make_dimension(netcdf_level_name(count), count);
  }

  Hdf5Dataset make_list(const char* name, const char* dimension, hid_t kind, hsize_t length, const void* values,
                        const char* long_name) const {
    Hdf5Dataset list = make_variable(name, kind, {length}, {length}, {}, false);
    if (length > 0) check(H5Dwrite(list.get(), kind, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    attach(list, dimension, 0);
    write_label(named(list.get()), "long_name", long_name);
    return list;
  }

  void make_coordinate(const char* name, const std::vector<double>& values, const char* units) const {
    const Hdf5Dataset list = make_list(name, "point", H5T_NATIVE_DOUBLE, points_, values.data(), name);
    write_label(named(list.get()), "standard_name", name);
    write_label(named(list.get()), "units", units);
  }

  void make_coordinates() {
    for (const auto& [dataset, name, words] : {std::tuple{&step_, "step", "number of the model step, from 1"},
                                               std::tuple{&exchange_, "exchange", "number of the exchange, from 0"}}) {
      *dataset = make_variable(name, H5T_NATIVE_INT64, {0}, {H5S_UNLIMITED}, {k_times_per_block}, false);
      attach(*dataset, "time", 0);
      write_label(named(dataset->get()), "long_name", words);
    }
    make_list("global_id", "point", H5T_NATIVE_INT64, points_, header_.ids.data(), "global id of the point");
    make_list("chunk_number", "chunk", H5T_NATIVE_INT64, header_.chunks.size(), header_.chunks.data(),
              "number of the chunk");
    if (header_.longitude.empty()) return;
    make_coordinate("longitude", header_.longitude, "degrees_east");
    make_coordinate("latitude", header_.latitude, "degrees_north");
  }

  void make_fields() {
    const std::vector<std::string> names = variable_names(header_.fields);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const RecordedField& field = header_.fields[i];
      const hsize_t levels = field.levels, row = levels * real_size(header_.wire);
      const hsize_t rows = std::min({static_cast<hsize_t>(header_.rows_per_chunk()), std::max<hsize_t>(points_, 1),
                                     std::max<hsize_t>(k_most_bytes_per_block / row, 1)});
      Extent now{0, points_}, most{H5S_UNLIMITED, H5S_UNLIMITED}, block{1, rows};
      if (levels > 1)
        for (Extent* extent : {&now, &most, &block}) extent->push_back(levels);
      Hdf5Dataset dataset = make_variable(names[i], type(), now, most, block, true);
      attach(dataset, "time", 0);
      attach(dataset, "point", 1);
      if (levels > 1) attach(dataset, netcdf_level_name(levels), 2);
      const Hdf5Named variable = named(dataset.get());
      write_label(variable, "long_name", field.name);
      if (!field.units.empty()) write_label(variable, "units", field.units);
      write_label(variable, "coordinates", header_.longitude.empty() ? "global_id" : "global_id longitude latitude");
      fields_.push_back(std::move(dataset));
      extended_.push_back(0);
    }
  }

  void extend(const Hdf5Dataset& dataset, std::int64_t& length, std::int64_t field) {
    Extent extent{static_cast<hsize_t>(length + 1), points_, static_cast<hsize_t>(header_.fields[field].levels)};
    check(H5Dset_extent(dataset.get(), extent.data()));
    ++length;
  }

  void append(const Hdf5Dataset& list, hid_t kind, const void* value) const {
    const hsize_t length = records_ + 1, place = records_, one = 1;
    check(H5Dset_extent(list.get(), &length));
    const Hdf5Space target(check(H5Dget_space(list.get()))), source(check(H5Screate_simple(1, &one, nullptr)));
    check(H5Sselect_hyperslab(target.get(), H5S_SELECT_SET, &place, nullptr, &one, nullptr));
    check(H5Dwrite(list.get(), kind, source.get(), target.get(), H5P_DEFAULT, value));
  }

  std::string path_, part_, begun_;
  RecordingHeader header_;
  hsize_t points_;
  Hdf5File file_;
  Hdf5Dataset time_, step_, exchange_;
  std::vector<Hdf5Dataset> fields_;
  std::vector<std::int64_t> extended_;  // by field: records that it has room for
  std::int64_t records_ = 0;
};

}  // namespace

std::unique_ptr<RecordingWriter> create_recording_file(const std::string& path, const RecordingHeader& header) {
  return std::make_unique<FileWriter>(path, header);
}

}  // namespace ekman
