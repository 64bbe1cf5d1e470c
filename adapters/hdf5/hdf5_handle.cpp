// Implements hdf5_handle.hpp.
#include "adapters/hdf5/hdf5_handle.hpp"

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {

namespace {

extern "C" herr_t keep_first(unsigned, const H5E_error2_t* error, void* text) {
  auto* first = static_cast<std::string*>(text);
  if (first->empty() && error->desc != nullptr) *first = error->desc;
  return 0;
}

}  // namespace

void start_hdf5() {
  H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string hdf5_cause() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &keep_first, &text);
  // Of a failed system call the text holds addresses and sizes too; its own words say enough.
  const std::string mark = "error message = '";
  const std::size_t from = text.find(mark);
  if (from != std::string::npos) {
    const std::size_t begin = from + mark.size();
    text = text.substr(begin, text.find('\'', begin) - begin);
  }
  return text.empty() ? "HDF5 gives no reason" : text;
}

hid_t check_hdf5(hid_t status, const char* doing, const std::string& path) {
  if (status < 0)
    throw Error(ErrorCode::internal,
                fmt::format("cannot {} {}: {}; see whether the file is whole, may be used, and has room on its disk",
                            doing, path, hdf5_cause()));
  return status;
}

}  // namespace ekman
