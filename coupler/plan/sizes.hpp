// What a plan lets us know of the sizes of a network's route before any rank runs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

inline constexpr std::int64_t k_unknown = -1;

// The plan gives points and levels or not; what follows from them is k_unknown if they are not there.
struct RouteSizes {
  std::int64_t points = k_unknown;
  std::int64_t samples = k_unknown;
  std::int64_t chunks = k_unknown;
  std::int64_t samples_in_last_chunk = k_unknown;
  std::int64_t most_chunks = k_unknown;  // of one ML rank; unknown inline, as is buffer_bytes
  std::int64_t in_bytes = k_unknown;     // rows of an exchange, all ranks together
  std::int64_t out_bytes = k_unknown;
  std::int64_t truth_bytes = k_unknown;   // of targets, weights and so on; 0 without
  std::int64_t late_bytes = k_unknown;    // those of truth that come late with a delay
  std::int64_t buffer_bytes = k_unknown;  // chunk buffers of the ML rank that owns most
  std::vector<std::string> fields_without_levels;
};

RouteSizes sizes_of(const Plan& plan, const NetworkSpec& network);

// The levels of `fields` as the plan has them; 0: not given.
std::vector<std::int64_t> levels_of(const ComponentSpec& component, const std::vector<std::string>& fields);
// The same of fields of `network`: if the plan does not say otherwise, an output has the levels of its target, a target
// those of its output, and weights have one.
std::vector<std::int64_t> levels_of(const ComponentSpec& component, const NetworkSpec& network,
                                    const std::vector<std::string>& fields);

// Samples in one forward call: what the plan says; else the chunk on a GPU, and on a CPU the largest divisor
// of the chunk up to 256. Throws Error(network) for a tile that does not divide the chunk.
std::int64_t tile_samples(const NetworkSpec& network, bool on_gpu);

}  // namespace ekman
