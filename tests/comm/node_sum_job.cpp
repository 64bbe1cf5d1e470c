// NodeSum at any number of ranks of one node: sums in the order of ranks, to the bit, of few and of many values, part
// after part. Every rank exits with 0 if its sums are right.
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "coupler/base/mix64.hpp"
#include "coupler/comm/node_sum.hpp"

namespace ekman {
namespace {

// Of a size from 1e-6 to 1e6, so that another order gives other bits.
template <class T>
T value_of(int rank, std::int64_t place, std::int64_t round) {
  const std::uint64_t bits = mix64({rank, place, round});
  T value = static_cast<T>(bits % 1000) / 999 - static_cast<T>(0.5);
  for (std::uint64_t i = bits / 1000 % 7; i > 0; --i) value *= 100;
  return value * static_cast<T>(1e-6);
}

template <class T>
bool sums_are_right(NodeSum& sum, const Communicator& ranks, std::int64_t count, std::int64_t round) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = value_of<T>(ranks.rank(), i, round);
  sum.sum(reinterpret_cast<std::byte*>(values.data()), count, sizeof(T) == 8, true);
  for (std::int64_t i = 0; i < count; ++i) {
    T wanted = value_of<T>(0, i, round);
    for (int rank = 1; rank < ranks.size(); ++rank) wanted += value_of<T>(rank, i, round);
    if (values[static_cast<std::size_t>(i)] == wanted) continue;
    std::fprintf(stderr, "FAILED: rank %d, round %d, value %d of %d is %.17g, not %.17g\n", ranks.rank(),
                 static_cast<int>(round), static_cast<int>(i), static_cast<int>(count),
                 static_cast<double>(values[static_cast<std::size_t>(i)]), static_cast<double>(wanted));
    return false;
  }
  return true;
}

// Two of them, as two networks have, and the first with room for a part of the values only.
bool all_are_right(const Communicator& ranks) {
  NodeSum small(ranks, 1000), large(ranks, std::int64_t{1} << 40);
  if (!small || !large) {
    std::fprintf(stderr, "FAILED: rank %d has no memory to share\n", ranks.rank());
    return false;
  }
  for (std::int64_t round = 0; round < 40; ++round) {
    for (const std::int64_t count : {1, 2, 17, 250, 4000}) {
      if (!sums_are_right<float>(small, ranks, count, round) || !sums_are_right<double>(small, ranks, count, round) ||
          !sums_are_right<float>(large, ranks, count, round))
        return false;
    }
  }
  return sums_are_right<float>(large, ranks, 0, 0) && sums_are_right<float>(large, ranks, 600'001, 1) &&
         sums_are_right<double>(large, ranks, 300'001, 2);
}

}  // namespace
}  // namespace ekman

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const bool right = ekman::all_are_right(ekman::Communicator::borrow(MPI_COMM_WORLD));
  MPI_Finalize();
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
