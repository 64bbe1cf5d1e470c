// The collectives of communicator.hpp whose wait may be long: they give the core away.
#include <algorithm>
#include <cstring>

#include "coupler/base/simulation.hpp"
#include "coupler/comm/communicator.hpp"
#include "coupler/comm/polite_wait.hpp"

namespace ekman {

namespace {

void wait_politely(MPI_Request request, bool shared_cores) {
  if constexpr (k_simulated) return check_mpi(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
  PoliteWait wait(shared_cores);
  for (int done = 0;; wait.pause()) {
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0) return;
  }
}

}  // namespace

// In a simulation SMPI's collectives that return at once are of n * n messages, and no core is waited for.
void Communicator::polite_barrier(bool shared_cores) const {
  if constexpr (k_simulated) return barrier();
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  wait_politely(request, shared_cores);
}

// Each rank adds up one part, then all get all parts: what one rank adds, all have.
void Communicator::sum_alike(std::byte* values, std::int64_t count, bool is_double, bool shared_cores) const {
  constexpr std::int64_t k_bucket_bytes = 64 * 1024 * 1024;
  if (size() == 1) return;
  const std::int64_t bytes = is_double ? 8 : 4;
  const MPI_Datatype kind = is_double ? MPI_DOUBLE : MPI_FLOAT;
  std::vector<std::byte> all, part;
  for (std::int64_t first = 0; first < count; first += k_bucket_bytes / bytes) {
    const std::int64_t values_here = std::min(count - first, k_bucket_bytes / bytes);
    const std::int64_t each = (values_here + size() - 1) / size();
    all.assign(static_cast<std::size_t>(each * size() * bytes), std::byte{0});
    part.resize(static_cast<std::size_t>(each * bytes));
    std::byte* bucket = values + first * bytes;
    std::memcpy(all.data(), bucket, static_cast<std::size_t>(values_here * bytes));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(
        MPI_Ireduce_scatter_block(all.data(), part.data(), static_cast<int>(each), kind, MPI_SUM, comm_, &request),
        "MPI_Ireduce_scatter_block");
    wait_politely(request, shared_cores);
    check_mpi(MPI_Iallgather(part.data(), static_cast<int>(each), kind, all.data(), static_cast<int>(each), kind, comm_,
                             &request),
              "MPI_Iallgather");
    wait_politely(request, shared_cores);
    std::memcpy(bucket, all.data(), static_cast<std::size_t>(values_here * bytes));
  }
}

// Point to point and in parts, so that no sum of sizes is bound by a count of MPI.
std::vector<std::string> Communicator::gather(const std::string& bytes, int root, bool shared_cores) const {
  constexpr std::int64_t k_part = 1 << 30;
  constexpr int k_tag_gather = 15;
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(size()), 0);
  sizes[static_cast<std::size_t>(rank())] = static_cast<std::int64_t>(bytes.size());
  MPI_Request request = MPI_REQUEST_NULL;
  std::vector<std::int64_t> all_sizes(sizes.size());
  if constexpr (k_simulated) {
    all_sizes = sizes;
    sum(all_sizes);
  } else {
    check_mpi(MPI_Iallreduce(sizes.data(), all_sizes.data(), static_cast<int>(sizes.size()), MPI_INT64_T, MPI_SUM,
                             comm_, &request),
              "MPI_Iallreduce");
    wait_politely(request, shared_cores);
  }
  std::vector<std::string> all;
  if (rank() != root) {
    for (std::int64_t at = 0; at < static_cast<std::int64_t>(bytes.size()); at += k_part) {
      const std::int64_t count = std::min(k_part, static_cast<std::int64_t>(bytes.size()) - at);
      check_mpi(MPI_Isend(bytes.data() + at, static_cast<int>(count), MPI_BYTE, root, k_tag_gather, comm_, &request),
                "MPI_Isend");
      wait_politely(request, shared_cores);
    }
    return all;
  }
  for (int from = 0; from < size(); ++from) {
    all.emplace_back(from == root ? bytes : std::string(static_cast<std::size_t>(all_sizes[from]), '\0'));
    if (from == root) continue;
    for (std::int64_t at = 0; at < all_sizes[from]; at += k_part) {
      const std::int64_t count = std::min(k_part, all_sizes[from] - at);
      check_mpi(
          MPI_Irecv(all.back().data() + at, static_cast<int>(count), MPI_BYTE, from, k_tag_gather, comm_, &request),
          "MPI_Irecv");
      wait_politely(request, shared_cores);
    }
  }
  return all;
}

void Communicator::broadcast_bytes(std::byte* bytes, std::int64_t size, int root, bool shared_cores) const {
  constexpr std::int64_t k_part = 1 << 30;
  for (std::int64_t at = 0; at < size; at += k_part) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(bytes + at, static_cast<int>(std::min(k_part, size - at)), MPI_BYTE, root, comm_, &request),
              "MPI_Ibcast");
    wait_politely(request, shared_cores);
  }
}

}  // namespace ekman
