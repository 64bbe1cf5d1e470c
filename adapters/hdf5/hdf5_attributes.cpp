// Implements hdf5_attributes.hpp. Texts are of variable length and UTF-8, as h5py reads and writes them. HDF5 refuses a
// null buffer even where an attribute has no values, so that such values are neither written nor read.
#include "adapters/hdf5/hdf5_attributes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr const char* k_write = "write";
constexpr const char* k_read = "read";

Hdf5Type label_type(std::size_t length, const std::string& path) {
  Hdf5Type type(check_hdf5(H5Tcopy(H5T_C_S1), k_write, path));
  check_hdf5(H5Tset_size(type.get(), std::max<std::size_t>(length, 1)), k_write, path);
  check_hdf5(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), k_write, path);
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), k_write, path);
  return type;
}

// `count` < 0: a single value.
void write_attribute(const Hdf5Named& to, const char* name, hid_t type, hssize_t count, const void* values) {
  const auto extent = static_cast<hsize_t>(count);
  const Hdf5Space space(
      check_hdf5(count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nullptr), k_write, to.path));
  const Hdf5Attribute attribute(
      check_hdf5(H5Acreate2(to.file, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT), k_write, to.path));
  if (count != 0) check_hdf5(H5Awrite(attribute.get(), type, values), k_write, to.path);
}

[[noreturn]] void fail_type(const Hdf5Named& from, const char* name) {
  throw Error(ErrorCode::internal, fmt::format("cannot read {}: its attribute \"{}\" is of another type than a {} "
                                               "has there; {}",
                                               from.path, name, from.what, from.cure));
}

Hdf5Attribute open_attribute(const Hdf5Named& from, const char* name, H5T_class_t kind, bool variable = true) {
  if (!has_attribute(from, name)) {
    throw Error(ErrorCode::internal, fmt::format("cannot read {}: it has no attribute \"{}\", so it is no {} of this "
                                                 "version; {}",
                                                 from.path, name, from.what, from.cure));
  }
  Hdf5Attribute attribute(check_hdf5(H5Aopen(from.file, name, H5P_DEFAULT), k_read, from.path));
  const Hdf5Type type(check_hdf5(H5Aget_type(attribute.get()), k_read, from.path));
  const bool is_text = kind == H5T_STRING;
  if (H5Tget_class(type.get()) != kind || (is_text && (H5Tis_variable_str(type.get()) > 0) != variable))
    fail_type(from, name);
  return attribute;
}

std::size_t size_of(const Hdf5Attribute& attribute, const std::string& path) {
  const Hdf5Space space(check_hdf5(H5Aget_space(attribute.get()), k_read, path));
  return static_cast<std::size_t>(check_hdf5(H5Sget_simple_extent_npoints(space.get()), k_read, path));
}

}  // namespace

Hdf5Type text_type(const std::string& path) {
  Hdf5Type type(check_hdf5(H5Tcopy(H5T_C_S1), k_write, path));
  check_hdf5(H5Tset_size(type.get(), H5T_VARIABLE), k_write, path);
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), k_write, path);
  return type;
}

void write_number(const Hdf5Named& to, const char* name, std::int64_t value) {
  write_attribute(to, name, H5T_NATIVE_INT64, -1, &value);
}

void write_numbers(const Hdf5Named& to, const char* name, const std::vector<std::int64_t>& values) {
  write_attribute(to, name, H5T_NATIVE_INT64, static_cast<hssize_t>(values.size()), values.data());
}

void write_text(const Hdf5Named& to, const char* name, const std::string& value) {
  const char* address = value.c_str();
  write_attribute(to, name, text_type(to.path).get(), -1, &address);
}

void write_label(const Hdf5Named& to, const char* name, const std::string& value) {
  write_attribute(to, name, label_type(value.size(), to.path).get(), -1, value.c_str());
}

void write_texts(const Hdf5Named& to, const char* name, const std::vector<std::string>& values) {
  std::vector<const char*> addresses;
  for (const std::string& value : values) addresses.push_back(value.c_str());
  write_attribute(to, name, text_type(to.path).get(), static_cast<hssize_t>(values.size()), addresses.data());
}

std::vector<std::int64_t> read_numbers(const Hdf5Named& from, const char* name) {
  const Hdf5Attribute attribute = open_attribute(from, name, H5T_INTEGER);
  std::vector<std::int64_t> values(size_of(attribute, from.path));
  if (values.empty()) return values;
  check_hdf5(H5Aread(attribute.get(), H5T_NATIVE_INT64, values.data()), k_read, from.path);
  return values;
}

std::vector<std::string> read_texts(const Hdf5Named& from, const char* name) {
  const Hdf5Attribute attribute = open_attribute(from, name, H5T_STRING);
  const Hdf5Type type = text_type(from.path);
  std::vector<char*> addresses(size_of(attribute, from.path), nullptr);
  std::vector<std::string> values;
  if (addresses.empty()) return values;
  check_hdf5(H5Aread(attribute.get(), type.get(), addresses.data()), k_read, from.path);
  for (char* address : addresses) {
    values.emplace_back(address == nullptr ? "" : address);
    H5free_memory(address);
  }
  return values;
}

std::string read_label(const Hdf5Named& from, const char* name) {
  const Hdf5Attribute attribute = open_attribute(from, name, H5T_STRING, false);
  const Hdf5Type kept(check_hdf5(H5Aget_type(attribute.get()), k_read, from.path));
  if (size_of(attribute, from.path) != 1 || H5Tis_variable_str(kept.get()) > 0) fail_type(from, name);
  std::string value(H5Tget_size(kept.get()), '\0');
  // In whatever characters, ASCII or UTF-8, it was written.
  check_hdf5(H5Aread(attribute.get(), kept.get(), value.data()), k_read, from.path);
  value.resize(std::min(value.find('\0'), value.size()));
  return value;
}

bool has_attribute(const Hdf5Named& from, const char* name) { return H5Aexists(from.file, name) > 0; }

std::int64_t read_number(const Hdf5Named& from, const char* name) {
  const std::vector<std::int64_t> values = read_numbers(from, name);
  return values.empty() ? 0 : values.front();
}

std::string read_text(const Hdf5Named& from, const char* name) {
  const std::vector<std::string> values = read_texts(from, name);
  return values.empty() ? "" : values.front();
}

}  // namespace ekman
