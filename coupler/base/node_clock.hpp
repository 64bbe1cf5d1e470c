// A clock that all processes of a node read alike, cheap enough for every put and get.
#pragma once

#include <time.h>

#include <cstdint>
#include <string>

namespace ekman {

// Milliseconds since the node was started, to some milliseconds; never goes back. About 5 ns a call: of the coarse
// monotonic clock, which needs no read of the time stamp counter.
inline std::int64_t node_milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

// Nanoseconds since the same time; about 20 ns a call.
inline std::int64_t node_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

// The time of day, as in "14:03:05", of a reading of node_milliseconds().
std::string time_of_day(std::int64_t milliseconds);

}  // namespace ekman
