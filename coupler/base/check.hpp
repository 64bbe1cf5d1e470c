// Assertions for bugs of our own. Misuse by a caller throws ekman::Error instead.
#pragma once

namespace ekman {

// Prints file, line and expression, then aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace ekman

#define EKMAN_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::ekman::assertion_failed(#expression, __FILE__, __LINE__))
