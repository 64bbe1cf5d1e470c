// Implements statistics_file.hpp.
#include "adapters/hdf5/statistics_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "adapters/hdf5/netcdf.hpp"
#include "coupler/base/durable_file.hpp"
#include "coupler/base/version.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_read = "read";
constexpr const char* k_write = "write";
constexpr const char* k_mean = "_mean";
constexpr const char* k_std = "_std";
constexpr hssize_t k_most_levels = 1 << 20;

Hdf5Named named(hid_t object, const std::string& path) {
  return {object, path, "statistics file", "make it anew, with `ekman train`"};
}

[[noreturn]] void fail(const std::string& path, const std::string& found) {
  throw Error(ErrorCode::plan,
              fmt::format("cannot read {}: {}; it must have the variables FIELD_mean and FIELD_std, one "
                          "number a level, as `ekman train` writes them",
                          path, found));
}

Hdf5File open_file(const std::string& path) {
  start_hdf5();
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) fail(path, fs::exists(path) ? hdf5_cause() : "there is no such file");
  return Hdf5File(file);
}

bool has(const Hdf5File& file, const std::string& variable) {
  return H5Lexists(file.get(), variable.c_str(), H5P_DEFAULT) > 0;
}

Hdf5Dataset open_variable(const Hdf5File& file, const std::string& path, const std::string& variable) {
  const hid_t dataset = H5Dopen2(file.get(), variable.c_str(), H5P_DEFAULT);
  if (dataset < 0) fail(path, fmt::format("its {} is no variable ({})", variable, hdf5_cause()));
  return Hdf5Dataset(dataset);
}

std::vector<double> read_numbers(const Hdf5File& file, const std::string& path, const std::string& variable) {
  if (!has(file, variable)) fail(path, fmt::format("it has no {}", variable));
  const Hdf5Dataset dataset = open_variable(file, path, variable);
  const Hdf5Space space(check_hdf5(H5Dget_space(dataset.get()), k_read, path));
  const Hdf5Type type(check_hdf5(H5Dget_type(dataset.get()), k_read, path));
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  const H5T_class_t kind = H5Tget_class(type.get());
  if (H5Sget_simple_extent_ndims(space.get()) > 1 || count < 1 || count > k_most_levels ||
      (kind != H5T_FLOAT && kind != H5T_INTEGER))
    fail(path, fmt::format("its {} is no list of numbers", variable));
  std::vector<double> numbers(static_cast<std::size_t>(count));
  check_hdf5(H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), k_read, path);
  return numbers;
}

void write_numbers(const Hdf5File& file, const std::string& path, const FieldStatistics& field,
                   const std::vector<double>& numbers, const char* ending, const char* what) {
  const std::string variable = netcdf_name(field.field) + ending;
  const auto levels = static_cast<std::int64_t>(numbers.size());
  const auto extent = static_cast<hsize_t>(levels);
  const Hdf5Space space(
      check_hdf5(levels > 1 ? H5Screate_simple(1, &extent, nullptr) : H5Screate(H5S_SCALAR), k_write, path));
  const Hdf5Dataset dataset(check_hdf5(
      H5Dcreate2(file.get(), variable.c_str(), H5T_NATIVE_DOUBLE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      k_write, path));
  check_hdf5(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), k_write, path);
  if (levels > 1) {
    const std::string dimension = netcdf_level_name(levels);
    if (!has(file, dimension)) make_netcdf_dimension(named(file.get(), path), dimension, extent);
    attach_netcdf_dimension(named(file.get(), path), dataset.get(), dimension, 0);
  }
  const Hdf5Named to = named(dataset.get(), path);
  write_label(to, "long_name", fmt::format("{} of {}", what, field.field));
  if (!field.units.empty()) write_label(to, "units", field.units);
  if (field.points > 0) write_number(to, "points", field.points);
  if (!field.part.empty()) write_label(to, "part", field.part);
}

// Empty if there is none, or none as Ekman writes it: files of the user's own may have texts of another kind.
std::string words_of(const Hdf5Named& from, const char* name) {
  if (!has_attribute(from, name)) return "";
  try {
    return read_label(from, name);
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

std::optional<FieldStatistics> read_statistics(const std::string& path, const std::string& field) {
  const Hdf5File file = open_file(path);
  const std::string name = netcdf_name(field), mean = name + k_mean, std = name + k_std;
  if (!has(file, mean) && !has(file, std)) return std::nullopt;
  FieldStatistics found{field, "", read_numbers(file, path, mean), read_numbers(file, path, std), 0, ""};
  if (found.mean.size() != found.std.size())
    fail(path, fmt::format("{} has {} levels and {} has {}", mean, found.mean.size(), std, found.std.size()));
  const Hdf5Dataset dataset = open_variable(file, path, mean);
  const Hdf5Named from = named(dataset.get(), path);
  found.units = words_of(from, "units");
  found.part = words_of(from, "part");
  return found;
}

std::vector<std::string> fields_with_statistics(const std::string& path) {
  const Hdf5File file = open_file(path);
  H5G_info_t group{};
  check_hdf5(H5Gget_info(file.get(), &group), k_read, path);
  std::vector<std::string> fields;
  for (hsize_t i = 0; i < group.nlinks; ++i) {
    char name[256] = {};
    check_hdf5(static_cast<hid_t>(
                   H5Lget_name_by_idx(file.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT)),
               k_read, path);
    const std::string link = name, ending = k_mean;
    if (link.size() > ending.size() && link.compare(link.size() - ending.size(), ending.size(), ending) == 0)
      fields.push_back(link.substr(0, link.size() - ending.size()));
  }
  return fields;
}

void add_statistics(const std::string& path, const std::vector<FieldStatistics>& fields) {
  start_hdf5();
  const std::string part = path + ".part";
  std::error_code error;
  const bool is_there = fs::exists(path);
  if (is_there) {
    fs::copy_file(path, part, fs::copy_options::overwrite_existing, error);
    if (error)
      throw Error(ErrorCode::internal,
                  fmt::format("cannot copy {} to {}: {}; see whether the first rank may write there", path, part,
                              error.message()));
  }
  {
    Hdf5File file(check_hdf5(is_there ? H5Fopen(part.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                                      : H5Fcreate(part.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                             k_write, part));
    if (!is_there) {
      write_label(named(file.get(), part), "title", "Mean and standard deviation of fields");
      write_label(named(file.get(), part), "ekman", build_version());
    }
    for (const FieldStatistics& field : fields) {
      write_numbers(file, part, field, field.mean, k_mean, "mean");
      write_numbers(file, part, field, field.std, k_std, "standard deviation");
    }
    check_hdf5(file.close(), k_write, part);
  }
  sync_path(part);
  rename_durably(part, path);
}

}  // namespace ekman
