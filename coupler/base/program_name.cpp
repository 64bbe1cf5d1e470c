// Implements program_name.hpp.
#include "coupler/base/program_name.hpp"

#include <filesystem>

namespace ekman {

std::string program_name() {
  std::error_code unknown;
  return std::filesystem::read_symlink("/proc/self/exe", unknown).filename().string();
}

}  // namespace ekman
