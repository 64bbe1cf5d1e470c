// What learning adds to the memory of an ML rank, as far as the plan lets us know before any rank runs. Pure.
#pragma once

#include <cstdint>

#include "coupler/plan/sizes.hpp"

namespace ekman {

// Bytes of the ML rank that owns most, besides chunk buffers and the weights themselves; 0: it takes none of it,
// k_unknown: the plan does not tell.
struct LearningSizes {
  std::int64_t lessons = 0;    // copies of inputs and truths that are learned from while others come
  std::int64_t replay = 0;     // past samples, and the tile that is drawn
  std::int64_t gradient = 0;   // with `reproducible: bfb` those of chunks too, on the rank that adds them up
  std::int64_t optimizer = 0;  // its state
  std::int64_t best = 0;       // parameters and buffers with the best validation loss
  std::int64_t tape = 0;       // inputs and outputs of the exchanges on it, and activations of a built-in network
  bool more_on_tape = false;   // a network of another kind has activations too
};

// `learned` parameters learn (values), and parameters and buffers are `weight_bytes`; k_unknown: not known.
LearningSizes learning_sizes(const NetworkSpec& network, const RouteSizes& sizes, std::int64_t learned,
                             std::int64_t weight_bytes);

}  // namespace ekman
