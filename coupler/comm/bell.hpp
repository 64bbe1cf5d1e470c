// What a rank sleeps on while it waits for memory that another rank of the node writes, and how that one wakes it. Only
// where ranks share cores: there a rank that yields its core is still one that runs, and the kernel now and then leaves
// two ranks with work on one core and those that yield on the other.
#pragma once

#include <atomic>
#include <cstdint>

#include "coupler/comm/communicator.hpp"
#include "coupler/comm/node_memory.hpp"

namespace ekman {

// In memory that the ranks of a node share; zero at start.
struct alignas(64) Bell {
  std::atomic<std::uint32_t> sleepers;  // threads of its rank that sleep, or look once more before they do
  std::atomic<std::uint32_t> rung;      // times
};

// A futex.
static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

// Local, by any rank of the node: what its rank may wait for has been written. Without a bell nothing happens.
void ring(Bell* bell);

// One for each rank of a node. Move-only.
class Bells {
 public:
  Bells() = default;
  // Collective over `node`, a communicator of split_node(). Empty on all ranks where there is no memory to share.
  explicit Bells(const Communicator& node);

  explicit operator bool() const { return static_cast<bool>(memory_); }
  // Of a rank of the node.
  Bell* of(int rank) const { return reinterpret_cast<Bell*>(memory_.segment(rank)); }

 private:
  NodeMemory memory_;
};

}  // namespace ekman
