// Attributes of a file's root, a group or a dataset: whole numbers and texts, single or in lists. Throw Error with path
// and cause.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/hdf5/hdf5_handle.hpp"

namespace ekman {

// A file, or a group or dataset of one, with what messages say of the file.
struct Hdf5Named {
  hid_t file;
  const std::string& path;
  const char* what = "restart file";
  const char* cure = "resume from another set";
};

// Of texts of any length.
Hdf5Type text_type(const std::string& path);

void write_number(const Hdf5Named& to, const char* name, std::int64_t value);
void write_numbers(const Hdf5Named& to, const char* name, const std::vector<std::int64_t>& values);
void write_text(const Hdf5Named& to, const char* name, const std::string& value);
// Of fixed length, the only texts that all netCDF tools read.
void write_label(const Hdf5Named& to, const char* name, const std::string& value);
void write_texts(const Hdf5Named& to, const char* name, const std::vector<std::string>& values);

std::int64_t read_number(const Hdf5Named& from, const char* name);
std::vector<std::int64_t> read_numbers(const Hdf5Named& from, const char* name);
std::string read_text(const Hdf5Named& from, const char* name);
std::string read_label(const Hdf5Named& from, const char* name);
bool has_attribute(const Hdf5Named& from, const char* name);
std::vector<std::string> read_texts(const Hdf5Named& from, const char* name);

}  // namespace ekman
