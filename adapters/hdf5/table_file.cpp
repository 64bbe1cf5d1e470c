// Implements table_file.hpp.
#include "adapters/hdf5/table_file.hpp"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "coupler/base/durable_file.hpp"

namespace ekman {

namespace fs = std::filesystem;

NewFile::NewFile(std::string path) : path_(std::move(path)), unfinished_(fmt::format("{}.{}.part", path_, getpid())) {
  start_hdf5();
  file_ = Hdf5File(
      check_hdf5(H5Fcreate(unfinished_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "write", unfinished_));
}

NewFile::~NewFile() {
  file_ = Hdf5File();
  std::error_code ignored;
  fs::remove(unfinished_, ignored);
}

void NewFile::finish() {
  check_hdf5(file_.close(), "write", unfinished_);
  rename_path(unfinished_, path_);
}

}  // namespace ekman
