// Files of `normalize: {from: FILE}`: mean and standard deviation of fields, level by level. Any HDF5 or netCDF-4 file
// will do that has, for a field `t`, the variables t_mean and t_std, each of [levels], or a single number.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coupler/recording/field_statistics.hpp"

namespace ekman {

// Nothing if the file does not have the field. Throws Error(plan) if it cannot be read, with path and cause.
std::optional<FieldStatistics> read_statistics(const std::string& path, const std::string& field);

// Fields that it has, for messages.
std::vector<std::string> fields_with_statistics(const std::string& path);

// Adds fields to the file, which is made if it is not there: under another name first, so that a file of that name is
// always whole. Throws Error(internal).
void add_statistics(const std::string& path, const std::vector<FieldStatistics>& fields);

}  // namespace ekman
