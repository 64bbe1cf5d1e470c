// Implements node_sum.hpp.
#include "coupler/comm/node_sum.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "coupler/base/simulation.hpp"
#include "coupler/comm/bell.hpp"
#include "coupler/comm/polite_wait.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_cache_line = 64;
constexpr std::int64_t k_most_room = 1 << 20;  // stays in the caches, and asks little of /dev/shm

std::int64_t whole_lines(std::int64_t bytes) { return (bytes + k_cache_line - 1) / k_cache_line * k_cache_line; }

// Bytes of what one of `ranks` sums of a part.
std::int64_t share(std::int64_t room, int ranks) { return whole_lines((room + ranks - 1) / ranks); }

struct Range {
  std::int64_t begin, count;
};

// In whole cache lines, so that no two ranks write to one.
template <class T>
Range share_of(int rank, int ranks, std::int64_t count) {
  const std::int64_t each =
      share(count * static_cast<std::int64_t>(sizeof(T)), ranks) / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t begin = std::min(count, rank * each);
  return {begin, std::min(count - begin, each)};
}

void wait_for(const std::atomic<std::int64_t>& value, std::int64_t least, bool shared_cores, Bell& bell) {
  PoliteWait wait(shared_cores, shared_cores ? &bell : nullptr);
  while (value.load(std::memory_order_acquire) < least) wait.pause();
}

}  // namespace

// The head of a rank's segment, before the values that it gives, and its share of the sums.
struct NodeSum::Rank {
  Bell bell;
  alignas(k_cache_line) std::atomic<std::int64_t> given;  // the last part whose values are there; sums before are taken
  alignas(k_cache_line) std::atomic<std::int64_t> summed;  // the last part whose sums are there; its values are read
};

NodeSum::NodeSum(const Communicator& ranks, std::int64_t most_bytes) {
  if constexpr (k_simulated) return;
  room_ = whole_lines(std::clamp<std::int64_t>(most_bytes, 1, k_most_room));
  const Communicator node = ranks.split_node();
  if (ranks.min(node.size()) < ranks.size()) return;
  std::string problem;  // then messages do it
  memory_ = NodeMemory(node, static_cast<std::int64_t>(sizeof(Rank)) + room_ + share(room_, ranks.size()), problem);
  me_ = node.rank();
}

NodeSum::Rank& NodeSum::rank(int rank) const { return *reinterpret_cast<Rank*>(memory_.segment(rank)); }
std::byte* NodeSum::given(int rank) const { return memory_.segment(rank) + sizeof(Rank); }
std::byte* NodeSum::summed(int rank) const { return given(rank) + room_; }

void NodeSum::sum(std::byte* values, std::int64_t count, bool is_double, bool shared_cores) {
  const std::int64_t most = room_ / (is_double ? 8 : 4);
  for (std::int64_t first = 0; first < count; first += most) {
    const std::int64_t here = std::min(most, count - first);
    if (is_double) {
      sum_part(reinterpret_cast<double*>(values) + first, here, shared_cores);
    } else {
      sum_part(reinterpret_cast<float*>(values) + first, here, shared_cores);
    }
  }
}

void NodeSum::ring_others() const {
  for (int r = 0; r < memory_.ranks(); ++r) {
    if (r != me_) ring(&rank(r).bell);
  }
}

// A rank writes its values when all have read those of the part before, and its sums when all have taken the ones
// before.
template <class T>
void NodeSum::sum_part(T* values, std::int64_t count, bool shared_cores) {
  const int ranks = memory_.ranks();
  const Range mine = share_of<T>(me_, ranks, count);
  ++parts_;
  std::memcpy(given(me_), values, static_cast<std::size_t>(count) * sizeof(T));
  rank(me_).given.store(parts_, std::memory_order_release);
  if (shared_cores) ring_others();
  T* const sums = reinterpret_cast<T*>(summed(me_));
  Bell& bell = rank(me_).bell;
  for (int r = 0; r < ranks; ++r) wait_for(rank(r).given, parts_, shared_cores, bell);
  for (int r = 0; r < ranks; ++r) {
    const T* const theirs = reinterpret_cast<const T*>(given(r)) + mine.begin;
    if (r == 0) {
      std::copy_n(theirs, mine.count, sums);
    } else {
      for (std::int64_t i = 0; i < mine.count; ++i) sums[i] += theirs[i];
    }
  }
  rank(me_).summed.store(parts_, std::memory_order_release);
  if (shared_cores) ring_others();
  for (int r = 0; r < ranks; ++r) {
    const Range theirs = share_of<T>(r, ranks, count);
    wait_for(rank(r).summed, parts_, shared_cores, bell);
    std::memcpy(values + theirs.begin, summed(r), static_cast<std::size_t>(theirs.count) * sizeof(T));
  }
}

}  // namespace ekman
