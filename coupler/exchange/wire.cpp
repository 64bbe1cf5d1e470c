// Implements wire.hpp.
#include "coupler/exchange/wire.hpp"

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {

void throw_unreadable(const std::string& what) {
  throw Error(ErrorCode::internal,
              fmt::format("received a message that cannot be read: {}; are all programs of this job "
                          "built with the same Ekman?",
                          what));
}

std::int64_t checked_step(std::int64_t step) {
  if (step < 1 && step != k_end_of_run) throw_unreadable(fmt::format("its header has step {}", step));
  return step;
}

std::int64_t checked_given_up(std::int64_t given_up) {
  if (given_up < 0) throw_unreadable(fmt::format("its header has {} points given up", given_up));
  return given_up;
}

}  // namespace ekman
