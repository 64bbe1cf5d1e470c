// Implements netcdf.hpp.
#include "adapters/hdf5/netcdf.hpp"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <cctype>

namespace ekman {

namespace {

constexpr const char* k_write = "write";

bool is_plain(unsigned char letter) {
  return std::isalnum(letter) != 0 || letter == '_' || letter == '.' || letter == '-' || letter >= 0x80;
}

}  // namespace

std::string netcdf_name(const std::string& name) {
  std::string plain = name;
  for (char& letter : plain)
    if (!is_plain(static_cast<unsigned char>(letter))) letter = '_';
  if (plain.empty() || plain.front() == '.' || plain.front() == '-') plain = "_" + plain;
  return plain;
}

std::string netcdf_level_name(std::int64_t count) { return fmt::format("level_{}", count); }

void make_netcdf_dimension(const Hdf5Named& file, const std::string& name, hsize_t length) {
  const Hdf5Space space(check_hdf5(H5Screate_simple(1, &length, nullptr), k_write, file.path));
  const Hdf5Dataset scale(check_hdf5(
      H5Dcreate2(file.file, name.c_str(), H5T_IEEE_F32BE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_write,
      file.path));
  const std::string told = fmt::format("This is a netCDF dimension but not a netCDF variable. {:10}", length);
  check_hdf5(H5DSset_scale(scale.get(), told.c_str()), k_write, file.path);
}

void attach_netcdf_dimension(const Hdf5Named& file, hid_t dataset, const std::string& name, unsigned place) {
  const Hdf5Dataset scale(check_hdf5(H5Dopen2(file.file, name.c_str(), H5P_DEFAULT), k_write, file.path));
  check_hdf5(H5DSattach_scale(dataset, scale.get(), place), k_write, file.path);
}

}  // namespace ekman
