// Some pairs of truth and prediction, for a figure: a draw among all that are compared, the same whatever the ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coupler/offline/evaluation.hpp"

namespace ekman {

struct DrawnPair {
  std::uint64_t draw = 0;  // a hash of all that says which one it is
  std::int64_t level = 0;  // from 1
  double truth = 0.0, prediction = 0.0;
};

// Of each field those of the least draws.
class DrawnPairs {
 public:
  DrawnPairs(std::size_t fields, std::size_t most) : most_(most), pairs_(fields) {}

  // Rows that count and have a weight.
  void add(const Evaluated& evaluated, const Recordings& recordings, const NetworkSpec& spec,
           const std::vector<ComparedField>& fields);
  // As bytes, and those of another rank.
  std::string bytes() const;
  void add_bytes(const std::string& bytes);

  // By draw, at most as many as asked for.
  std::vector<DrawnPair> of(std::size_t field) const;

 private:
  void add(std::size_t field, const DrawnPair& pair);

  std::size_t most_;
  std::vector<std::vector<DrawnPair>> pairs_;  // heaps, the greatest draw first
};

}  // namespace ekman
