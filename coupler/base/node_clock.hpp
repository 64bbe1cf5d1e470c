// A clock that all processes of a node read alike, cheap enough for every put and get.
#pragma once

#include <cstdint>
#include <string>

namespace ekman {

// Milliseconds since the node was started, to some milliseconds; never goes back. About 5 ns a call.
std::int64_t node_milliseconds();

// The time of day, as in "14:03:05", of a reading of node_milliseconds().
std::string time_of_day(std::int64_t milliseconds);

}  // namespace ekman
