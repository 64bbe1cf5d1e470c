// HDF5 in C++: handles that close themselves, and failures as ekman::Error with the file and the innermost
// cause.
#pragma once

#include <hdf5.h>

#include <string>
#include <utility>

namespace ekman {

// Move-only. `Close` is the function of HDF5 for this kind of handle.
template <herr_t (*Close)(hid_t)>
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  explicit Hdf5Handle(hid_t id) : id_(id) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  ~Hdf5Handle() {
    if (id_ >= 0) Close(id_);
  }
  hid_t get() const { return id_; }
  // Closes now, and tells what HDF5 says of it: files are written to the end only then.
  herr_t close() { return Close(std::exchange(id_, -1)); }

 private:
  hid_t id_ = -1;
};

using Hdf5File = Hdf5Handle<&H5Fclose>;
using Hdf5Group = Hdf5Handle<&H5Gclose>;
using Hdf5Object = Hdf5Handle<&H5Oclose>;
using Hdf5Dataset = Hdf5Handle<&H5Dclose>;
using Hdf5Space = Hdf5Handle<&H5Sclose>;
using Hdf5Type = Hdf5Handle<&H5Tclose>;
using Hdf5Attribute = Hdf5Handle<&H5Aclose>;
using Hdf5Properties = Hdf5Handle<&H5Pclose>;

// Before all else of HDF5: it prints no error stacks, and does nothing at exit, where it would fall over a
// file that a full disk has kept it from closing. May be called again.
void start_hdf5();

// The innermost reason of the last failure of HDF5 on this thread, in words.
std::string hdf5_cause();

// Throws Error(internal) "cannot <doing> <path>: <cause>" if `status` is negative. Returns it.
hid_t check_hdf5(hid_t status, const char* doing, const std::string& path);

}  // namespace ekman
