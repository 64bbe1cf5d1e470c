// Implements chunk_tree.hpp.
#include "coupler/engine/chunk_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "coupler/base/bytes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr std::size_t k_place_bytes = 2 * sizeof(std::int64_t);

// Plain additions of each value with its partner: their order is the tree's alone.
template <class Value>
void add_values(std::byte* to, const std::byte* from, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::size_t at = static_cast<std::size_t>(i) * sizeof(Value);
    store(to + at, load<Value>(to + at) + load<Value>(from + at));
  }
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::internal, fmt::format("sum over chunks: {}; this is a mistake in Ekman, report it", what));
}

}  // namespace

ChunkTree::ChunkTree(std::int64_t leaves, Real kind, std::int64_t size, std::int64_t num_sums)
    : kind_(kind),
      size_(size),
      num_sums_(num_sums),
      node_bytes_(static_cast<std::size_t>(num_sums) * sizeof(double) +
                  static_cast<std::size_t>(size * real_size(kind))) {
  levels_.push_back({leaves, 1});
  while (levels_.back().nodes > 1) levels_.push_back({(levels_.back().nodes + 1) / 2, 2 * levels_.back().leaves});
}

void ChunkTree::add(std::int64_t leaf, const std::byte* values, const double* sums) {
  if (leaf < 0 || leaf >= levels_.front().nodes)
    fail(fmt::format("leaf {} was added to a tree of {} leaves", leaf, levels_.front().nodes));
  Node node = take_node();
  const std::size_t sum_bytes = static_cast<std::size_t>(num_sums_) * sizeof(double);
  if (sum_bytes > 0) std::memcpy(node.data(), sums, sum_bytes);
  if (node_bytes_ > sum_bytes) std::memcpy(node.data() + sum_bytes, values, node_bytes_ - sum_bytes);
  insert({0, leaf}, std::move(node));
}

std::int64_t ChunkTree::part_size() const { return static_cast<std::int64_t>(k_place_bytes + node_bytes_); }

void ChunkTree::write_parts(std::byte* to) const {
  for (const auto& [place, node] : nodes_) {
    store(to, place.first);
    store(to + sizeof place.first, place.second);
    if (node_bytes_ > 0) std::memcpy(to + k_place_bytes, node.data(), node_bytes_);
    to += part_size();
  }
}

void ChunkTree::add_parts(const std::byte* from, std::int64_t num_parts) {
  for (std::int64_t part = 0; part < num_parts; ++part, from += part_size()) {
    const Place place{load<std::int64_t>(from), load<std::int64_t>(from + sizeof(std::int64_t))};
    if (place.first < 0 || place.first >= static_cast<std::int64_t>(levels_.size()) || place.second < 0 ||
        place.second >= levels_[static_cast<std::size_t>(place.first)].nodes)
      fail(fmt::format("node {} of level {} was received for a tree of {} leaves", place.second, place.first,
                       levels_.front().nodes));
    Node node = take_node();
    if (node_bytes_ > 0) std::memcpy(node.data(), from + k_place_bytes, node_bytes_);
    insert(place, std::move(node));
  }
}

void ChunkTree::total(std::byte* values, double* sums) const {
  const std::int64_t top = static_cast<std::int64_t>(levels_.size()) - 1;
  const auto root = nodes_.find({top, 0});
  if (root == nodes_.end()) {
    std::int64_t found = 0;
    for (const auto& entry : nodes_) found += leaves_under(entry.first);
    fail(fmt::format("{} leaves of {} were added when the total was asked for", found, levels_.front().nodes));
  }
  const std::size_t sum_bytes = static_cast<std::size_t>(num_sums_) * sizeof(double);
  if (sum_bytes > 0) std::memcpy(sums, root->second.data(), sum_bytes);
  if (node_bytes_ > sum_bytes) std::memcpy(values, root->second.data() + sum_bytes, node_bytes_ - sum_bytes);
}

void ChunkTree::clear() {
  for (auto& entry : nodes_) free_.push_back(std::move(entry.second));
  nodes_.clear();
}

ChunkTree::Node ChunkTree::take_node() {
  if (free_.empty()) return Node(node_bytes_);
  Node node = std::move(free_.back());
  free_.pop_back();
  return node;
}

// Climbs as long as the neighbour is there, or there is none.
void ChunkTree::insert(Place place, Node node) {
  const std::int64_t top = static_cast<std::int64_t>(levels_.size()) - 1;
  while (place.first < top) {
    const Place neighbour{place.first, place.second ^ 1};
    if (neighbour.second < levels_[static_cast<std::size_t>(place.first)].nodes) {
      const auto found = nodes_.find(neighbour);
      if (found == nodes_.end()) break;
      Node other = std::move(found->second);
      nodes_.erase(found);
      if (place.second > neighbour.second) std::swap(node, other);
      add_up(node, other);
      free_.push_back(std::move(other));
    }
    place = {place.first + 1, place.second / 2};
  }
  for (Place above = place;; above = {above.first + 1, above.second / 2}) {
    if (nodes_.count(above) > 0) fail(fmt::format("node {} of level {} was added twice", place.second, place.first));
    if (above.first == top) break;
  }
  nodes_.emplace(place, std::move(node));
}

void ChunkTree::add_up(Node& left, const Node& right) const {
  add_values<double>(left.data(), right.data(), num_sums_);
  const std::size_t at = static_cast<std::size_t>(num_sums_) * sizeof(double);
  if (kind_ == Real::float32) {
    add_values<float>(left.data() + at, right.data() + at, size_);
  } else {
    add_values<double>(left.data() + at, right.data() + at, size_);
  }
}

std::int64_t ChunkTree::leaves_under(const Place& place) const {
  const std::int64_t each = levels_[static_cast<std::size_t>(place.first)].leaves;
  return std::min(each, levels_.front().nodes - place.second * each);
}

}  // namespace ekman
