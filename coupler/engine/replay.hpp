// The memory of a network that learns: of each chunk a reservoir of past samples, drawn again against drift and
// forgetting. All of it goes by chunk, so that its bits do not depend on the ranks that own the chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coupler/engine/learner.hpp"

namespace ekman {

// What a chunk may keep, in samples: its share of the network's `capacity`, as it has `samples` of `all`; `first`
// counts those of the chunks before it. The shares of all chunks add up to `capacity`; one can be smaller than a tile.
std::int64_t replay_capacity(std::int64_t capacity, std::int64_t first, std::int64_t samples, std::int64_t all);

struct ReplayShape {
  Real wire = Real::float32;
  std::int64_t in_len = 0;     // values in a row of `in`
  std::int64_t truth_len = 0;  // and of `truth`
  std::int64_t rows_per_sample = 1;
  std::int64_t tile = 1;  // samples drawn at once
};

// Random numbers are those of SplitMix64 from the state
//   mix(mix(mix(mix(seed) ^ chunk) ^ exchange) ^ draw),   mix: the finalizer of SplitMix64 after its increment,
// with draw = 0 for what is kept of an exchange, i for the i-th tile that is drawn in it: there is no state of a
// generator to keep.
class Replay {
 public:
  Replay(const ReplayShape& shape, std::int64_t seed);

  // A chunk of this rank that may keep `capacity` samples.
  void add_chunk(std::int64_t chunk, std::int64_t capacity);

  // A sample of `lesson` is a candidate if `learns` is not 0 for one of its rows: rows that are masked or for
  // validation have 0. Each candidate that ever came has the same chance to be among those kept.
  void keep(const Lesson& lesson, const std::uint8_t* learns);

  // Up to a tile of the samples kept of `chunk`, none twice, each with the same chance; `draw` from 1. Zeros fill the
  // tile. Without rows if nothing was kept yet; draw before `keep` to get past exchanges only. Valid until the next
  // draw.
  Lesson draw(std::int64_t chunk, std::int64_t exchange, std::int64_t draw);

  // What is kept of a chunk, as arrays "replay.<chunk>.counts" (candidates so far, samples kept), ".in", ".truth",
  // ".ids".
  std::vector<NamedArray> state(std::int64_t chunk) const;
  // From arrays among which are those of `chunk`. Throws Error(plan) if they are missing or do not fit.
  void restore(std::int64_t chunk, const std::vector<NamedArray>& arrays);

 private:
  struct Reservoir {
    std::int64_t capacity = 0;
    std::int64_t seen = 0;  // candidates
    std::int64_t kept = 0;
    std::vector<std::byte> in;
    std::vector<std::byte> truth;
    std::vector<std::int64_t> ids;
  };

  std::int64_t in_bytes() const { return shape_.in_len * shape_.rows_per_sample * real_size(shape_.wire); }
  std::int64_t truth_bytes() const { return shape_.truth_len * shape_.rows_per_sample * real_size(shape_.wire); }
  void put(Reservoir& reservoir, std::int64_t slot, const Lesson& lesson, std::int64_t sample) const;

  ReplayShape shape_;
  std::int64_t seed_;
  std::map<std::int64_t, Reservoir> chunks_;
  Reservoir drawn_;
};

}  // namespace ekman
