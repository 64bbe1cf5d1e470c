// Implements node_clock.hpp.
#include "coupler/base/node_clock.hpp"

#include <fmt/format.h>

namespace ekman {

std::string time_of_day(std::int64_t milliseconds) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t then =
      static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000 - (node_milliseconds() - milliseconds);
  const auto seconds = static_cast<time_t>(then / 1000);
  tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

}  // namespace ekman
