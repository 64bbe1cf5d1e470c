// A file of tables: groups with a dataset for each column, so that any reader of HDF5 reads them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "adapters/hdf5/hdf5_attributes.hpp"
#include "ekman/error.hpp"

namespace ekman {

// A new file, under another name until it is finished; one that is not is removed. Throws Error(internal).
class NewFile {
 public:
  explicit NewFile(std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  hid_t id() const { return file_.get(); }
  // The name that it has until then.
  const std::string& unfinished() const { return unfinished_; }
  // Closes it and gives it its name, in place of a file that has it already.
  void finish();

 private:
  std::string path_, unfinished_;
  Hdf5File file_;
};

// What messages say of a file, and of how to get one that is whole.
struct TableFile {
  std::string path;
  hid_t id;
  const char* what;
  const char* cure;

  Hdf5Named named(hid_t object) const { return {object, path, what, cure}; }
  [[noreturn]] void fail(const std::string& found) const {
    throw Error(ErrorCode::plan, fmt::format("cannot read {}: {}; {}", path, found, cure));
  }
};

template <class T>
hid_t native_type() {
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
}

// Both are called with the name and the values of each column, so that one walk serves both directions.
class TableWriter {
 public:
  TableWriter(const TableFile& file, const char* name)
      : file_(file), group_(check(H5Gcreate2(file.id, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT))) {}

  template <class T>
  void operator()(const char* name, const std::vector<T>& values) const {
    const auto extent = static_cast<hsize_t>(values.size());
    const Hdf5Space space(check(H5Screate_simple(1, &extent, nullptr)));
    const Hdf5Properties properties(check(H5Pcreate(H5P_DATASET_CREATE)));
    if (extent > 0) {
      check(H5Pset_chunk(properties.get(), 1, &extent));
      check(H5Pset_shuffle(properties.get()));
      check(H5Pset_deflate(properties.get(), 1));
    }
    const hid_t type = native_type<T>();
    const Hdf5Dataset dataset(
        check(H5Dcreate2(group_.get(), name, type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT)));
    if (extent > 0) check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  }
  void operator()(const char* name, const std::vector<std::string>& texts) const {
    write_texts(file_.named(group_.get()), name, texts);
  }

  hid_t group() const { return group_.get(); }

 private:
  hid_t check(hid_t status) const { return check_hdf5(status, "write", file_.path); }

  const TableFile& file_;
  Hdf5Group group_;
};

// All columns must be as long as the first one, save lists of texts, which are attributes.
class TableReader {
 public:
  TableReader(const TableFile& file, const char* name)
      : file_(file), name_(name), group_(check(H5Gopen2(file.id, name, H5P_DEFAULT))) {}

  template <class T>
  void operator()(const char* name, std::vector<T>& values) {
    const Hdf5Dataset dataset(check(H5Dopen2(group_.get(), name, H5P_DEFAULT)));
    const Hdf5Space space(check(H5Dget_space(dataset.get())));
    const hssize_t extent = check(H5Sget_simple_extent_npoints(space.get()));
    if (rows_ >= 0 && extent != rows_)
      file_.fail(fmt::format("its {}/{} has {} rows instead of {}", name_, name, extent, rows_));
    rows_ = extent;
    values.resize(static_cast<std::size_t>(extent));
    if (extent > 0) check(H5Dread(dataset.get(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  }
  void operator()(const char* name, std::vector<std::string>& texts) {
    texts = read_texts(file_.named(group_.get()), name);
  }

 private:
  hid_t check(hid_t status) const { return check_hdf5(status, "read", file_.path); }

  const TableFile& file_;
  const char* name_;
  Hdf5Group group_;
  hssize_t rows_ = -1;
};

}  // namespace ekman
