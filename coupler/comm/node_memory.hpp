// Memory of the ranks of a node that no rank must help to free: unlike a SharedWindow, each leaves when it
// likes, and it still reads what a stopped or dead rank wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "coupler/comm/communicator.hpp"

namespace ekman {

// Move-only; a segment for each rank of the node. Order between ranks is made with atomics in the memory
// itself.
class NodeMemory {
 public:
  NodeMemory() = default;
  // Collective over `node`, a communicator of split_node(). `bytes`, the same on all, of zeros for each rank,
  // at the start of a cache line. Empty on all ranks if one of them cannot; `problem` then says why on that
  // rank.
  NodeMemory(const Communicator& node, std::int64_t bytes, std::string& problem);
  NodeMemory(NodeMemory&& other) noexcept;
  NodeMemory& operator=(NodeMemory&& other) noexcept;
  NodeMemory(const NodeMemory&) = delete;
  NodeMemory& operator=(const NodeMemory&) = delete;
  // Local.
  ~NodeMemory();

  explicit operator bool() const { return base_ != nullptr; }
  int ranks() const { return ranks_; }
  std::byte* segment(int rank) const { return base_ + rank * stride_; }

 private:
  void release() noexcept;

  std::byte* base_ = nullptr;
  int ranks_ = 0;
  std::int64_t stride_ = 0;
};

}  // namespace ekman
