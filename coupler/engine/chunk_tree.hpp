// The order-fixed sum of `reproducible: bfb`: a gradient for each chunk, added up along a binary tree over the numbers
// of the chunks, so that the total has the same bits whichever ranks own which chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// Leaf i is what chunk i gives; leaves 2i and 2i + 1 add up to node i of level 1, and so on to the root; a node without
// a right neighbour stands for itself one level up. A rank adds its leaves in any order, and neighbours that are both
// there become one at once; the nodes that are left are its parts, which travel as bytes to the rank that makes the
// total. For several exchanges in one sum, leaf = (number of the exchange in the sum) * chunks + chunk.
class ChunkTree {
 public:
  // Each leaf holds `size` values of `kind` and `num_sums` sums in float64.
  ChunkTree(std::int64_t leaves, Real kind, std::int64_t size, std::int64_t num_sums);

  // Copies `values` and `sums`. Each leaf is added once, by one rank; twice is an Error(internal).
  void add(std::int64_t leaf, const std::byte* values, const double* sums);

  // Of this tree as it is now: write_parts fills num_parts() * part_size() bytes, of any alignment.
  std::int64_t num_parts() const { return static_cast<std::int64_t>(nodes_.size()); }
  std::int64_t part_size() const;
  void write_parts(std::byte* to) const;
  // Adds parts of a tree of the same shape. Throws Error(internal) for parts of another, or that are there already.
  void add_parts(const std::byte* from, std::int64_t num_parts);

  // The root. Throws Error(internal) with the number of leaves if some are missing.
  void total(std::byte* values, double* sums) const;

  // Back to no leaves; memory is kept for the next sum.
  void clear();

 private:
  using Place = std::pair<std::int64_t, std::int64_t>;  // level, index
  using Node = std::vector<std::byte>;                  // sums, then values
  struct Width {
    std::int64_t nodes;   // of this level
    std::int64_t leaves;  // under a node of it, but for the last one
  };

  Node take_node();
  void insert(Place place, Node node);
  void add_up(Node& left, const Node& right) const;
  std::int64_t leaves_under(const Place& place) const;

  std::vector<Width> levels_;
  Real kind_;
  std::int64_t size_;
  std::int64_t num_sums_;
  std::size_t node_bytes_;
  std::map<Place, Node> nodes_;
  std::vector<Node> free_;
};

}  // namespace ekman
