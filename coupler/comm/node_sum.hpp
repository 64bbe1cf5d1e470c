// Sums over ranks of one node in memory that they share: two waits for each part, whatever their number, where messages
// take one for each step of a collective, and no rank copies what it only adds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "coupler/comm/communicator.hpp"
#include "coupler/comm/node_memory.hpp"

namespace ekman {

// Move-only.
class NodeSum {
 public:
  NodeSum() = default;
  // Collective. For sums of up to `most_bytes`, larger ones in parts. Empty on all ranks if they are on several nodes,
  // or if there is no memory to share.
  NodeSum(const Communicator& ranks, std::int64_t most_bytes);

  explicit operator bool() const { return static_cast<bool>(memory_); }

  // Collective, in place, as Communicator::sum_alike: here in the order of ranks, so that the bits follow from the
  // values alone.
  void sum(std::byte* values, std::int64_t count, bool is_double, bool shared_cores);

 private:
  struct Rank;
  Rank& rank(int rank) const;
  std::byte* given(int rank) const;
  std::byte* summed(int rank) const;
  void ring_others() const;
  template <class T>
  void sum_part(T* values, std::int64_t count, bool shared_cores);

  NodeMemory memory_;
  int me_ = 0;
  std::int64_t room_ = 0;   // bytes of a part
  std::int64_t parts_ = 0;  // summed so far
};

}  // namespace ekman
