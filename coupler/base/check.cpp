// Implements check.hpp.
#include "coupler/base/check.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "coupler/base/log.hpp"

namespace ekman {

void assertion_failed(const char* expression, const char* file, int line) {
  log_line(
      fmt::format("bug: assertion failed: {} at {}:{}; this is a mistake in Ekman, report it", expression, file, line));
  std::abort();
}

}  // namespace ekman
