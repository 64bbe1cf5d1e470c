// The inputs of a chunk that wait for their targets: with `delay: d` those put in exchange n + d belong to the inputs
// of exchange n. d + 1 exchanges are kept, in memory that is taken at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coupler/engine/learner.hpp"

namespace ekman {

struct DelayShape {
  Real wire = Real::float32;
  std::int64_t delay = 0;   // exchanges
  std::int64_t rows = 0;    // of a chunk, with pads
  std::int64_t in_len = 0;  // values in a row of inputs
  std::int64_t truth_len = 0;
  std::int64_t late_len = 0;  // of them the first ones, which come late; the others belong to the inputs beside them
};

// Exchanges count from 0.
class DelayedInputs {
 public:
  explicit DelayedInputs(const DelayShape& shape);

  // Inputs of an exchange, and its model step; the exchange `delay` + 1 before it is forgotten.
  void keep(std::int64_t exchange, std::int64_t step, const std::byte* in);
  const std::byte* in(std::int64_t exchange) const { return of(exchange).in.data(); }
  std::int64_t step(std::int64_t exchange) const { return of(exchange).step; }
  // Of an exchange before a restart, of which nothing else is known.
  void set_step(std::int64_t exchange, std::int64_t step) { of(exchange).step = step; }

  // `truth` came in `exchange`: what belongs to the inputs of that exchange is kept, and in its place comes what
  // belongs to those of `exchange - delay`, if there was one.
  void match(std::int64_t exchange, std::byte* truth);

  // After so many exchanges, the first `rows` of what waits, as arrays "delayed.steps", ".in", ".extra"; none if
  // nothing waits.
  std::vector<NamedArray> state(std::int64_t exchanges, std::int64_t rows) const;
  // From arrays among which are those. Throws Error(plan) if they are missing or do not fit.
  void restore(std::int64_t exchanges, std::int64_t rows, const std::vector<NamedArray>& arrays);

 private:
  struct Exchange {
    std::vector<std::byte> in;
    std::vector<std::byte> extra;  // what is not late of truth
    std::int64_t step = 0;
  };

  const Exchange& of(std::int64_t exchange) const { return ring_[static_cast<std::size_t>(exchange) % ring_.size()]; }
  Exchange& of(std::int64_t exchange) { return ring_[static_cast<std::size_t>(exchange) % ring_.size()]; }
  std::int64_t waiting(std::int64_t exchanges) const;
  std::int64_t bytes(std::int64_t values) const { return values * real_size(shape_.wire); }
  std::int64_t extra_len() const { return shape_.truth_len - shape_.late_len; }
  const NamedArray& find(const std::vector<NamedArray>& arrays, const NamedArray& like, std::int64_t exchanges) const;
  [[noreturn]] void fail(const std::string& array, std::int64_t exchanges) const;

  DelayShape shape_;
  std::vector<Exchange> ring_;  // `delay` + 1
};

}  // namespace ekman
