// The stages into which a rank's time falls.
#pragma once

#include <array>
#include <cstddef>

namespace ekman {

// Component ranks: pack, wait, unpack, and physics, which is all that is not Ekman's. ML ranks: wait (for rows),
// assemble (rows that came are taken in, and copied to learn from), then those of a chunk, send (its outputs go back),
// and of a network that learns forward and backward again, reduce (gradients over the ranks, with the wait for the
// slowest) and step. host_to_device and device_to_host are of a GPU.
enum class Stage {
  pack,
  wait,
  unpack,
  physics,
  assemble,
  host_to_device,
  forward,
  device_to_host,
  send,
  backward,
  reduce,
  step
};

inline constexpr std::array<const char*, 12> k_stage_names = {"pack",     "wait",           "unpack",  "physics",
                                                              "assemble", "host_to_device", "forward", "device_to_host",
                                                              "send",     "backward",       "reduce",  "step"};
inline constexpr std::size_t k_stages = k_stage_names.size();

constexpr std::size_t place_of(Stage stage) { return static_cast<std::size_t>(stage); }

}  // namespace ekman
