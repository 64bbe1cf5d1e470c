// Implements study_file.hpp.
#include "adapters/hdf5/study_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "adapters/hdf5/table_file.hpp"
#include "coupler/base/version.hpp"

namespace ekman {

namespace {

// `/` would make groups of a name.
std::string dataset_name(std::string name) {
  for (char& c : name)
    if (c == '/') c = '|';
  return name;
}

// Lists of texts that are attributes must be short.
void write_text_column(const std::string& path, hid_t group, const TableColumn& column) {
  const auto extent = static_cast<hsize_t>(column.texts.size());
  const Hdf5Type type(check_hdf5(H5Tcopy(H5T_C_S1), "write", path));
  check_hdf5(H5Tset_size(type.get(), H5T_VARIABLE), "write", path);
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "write", path);
  const Hdf5Space space(check_hdf5(H5Screate_simple(1, &extent, nullptr), "write", path));
  const Hdf5Dataset dataset(check_hdf5(H5Dcreate2(group, dataset_name(column.name).c_str(), type.get(), space.get(),
                                                  H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                       "write", path));
  std::vector<const char*> addresses;
  for (const std::string& text : column.texts) addresses.push_back(text.c_str());
  if (extent > 0)
    check_hdf5(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, addresses.data()), "write", path);
}

void write_number_column(const std::string& path, hid_t group, const TableColumn& column) {
  const auto extent = static_cast<hsize_t>(column.numbers.size());
  const Hdf5Space space(check_hdf5(H5Screate_simple(1, &extent, nullptr), "write", path));
  const Hdf5Dataset dataset(check_hdf5(H5Dcreate2(group, dataset_name(column.name).c_str(), H5T_NATIVE_DOUBLE,
                                                  space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                       "write", path));
  if (extent > 0)
    check_hdf5(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, column.numbers.data()),
               "write", path);
}

}  // namespace

void write_study(const std::string& path, const std::vector<std::pair<std::string, std::vector<TableColumn>>>& tables) {
  start_hdf5();
  const std::string unfinished = fmt::format("{}.{}.part", path, getpid());
  Hdf5File file(
      check_hdf5(H5Fcreate(unfinished.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "write", unfinished));
  const Hdf5Named root{file.get(), unfinished, "study", "run it again"};
  write_label(root, "title", "Results of a study of Ekman");
  write_label(root, "ekman", build_version());
  for (const auto& [name, columns] : tables) {
    const Hdf5Group group(
        check_hdf5(H5Gcreate2(file.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "write", unfinished));
    std::vector<std::string> names;
    for (const TableColumn& column : columns) {
      names.push_back(dataset_name(column.name));
      if (column.is_text) {
        write_text_column(unfinished, group.get(), column);
      } else {
        write_number_column(unfinished, group.get(), column);
      }
    }
    write_texts({group.get(), unfinished, root.what, root.cure}, "columns", names);
  }
  check_hdf5(file.close(), "write", unfinished);
  std::error_code problem;
  std::filesystem::rename(unfinished, path, problem);
  if (problem)
    throw Error(ErrorCode::internal, fmt::format("cannot rename {} to {}: {}; see whether you may write there",
                                                 unfinished, path, problem.message()));
}

}  // namespace ekman
