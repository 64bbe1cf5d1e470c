// What makes an HDF5 file a netCDF-4 one: names, and dimensions as netCDF keeps them.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/hdf5/hdf5_attributes.hpp"

namespace ekman {

// `name` with a _ for every character that netCDF allows in no name.
std::string netcdf_name(const std::string& name);

// The dimension of fields with `count` levels.
std::string netcdf_level_name(std::int64_t count);

// A dataset of `file` that other ones have as a dimension, with netCDF's word for one that holds no values.
void make_netcdf_dimension(const Hdf5Named& file, const std::string& name, hsize_t length);

// Dimension number `place` of `dataset` is the one of that name.
void attach_netcdf_dimension(const Hdf5Named& file, hid_t dataset, const std::string& name, unsigned place);

}  // namespace ekman
