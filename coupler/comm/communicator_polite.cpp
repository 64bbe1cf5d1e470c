// What of communicator.hpp may wait long, collectives and texts from rank to rank: it gives the core away.
#include <algorithm>
#include <cstring>

#include "coupler/base/simulation.hpp"
#include "coupler/comm/communicator.hpp"
#include "coupler/comm/polite_wait.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_part = 1 << 30;  // bytes of a message

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

// Its size, then its bytes in parts, so that no size is bound by a count of MPI.
void Communicator::send_text(const std::string& text, int to, int tag, bool shared_cores) const {
  const auto size = static_cast<std::int64_t>(text.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Isend(&size, 1, MPI_INT64_T, to, tag, comm_, &request), "MPI_Isend");
  wait_politely(request, shared_cores);
  for (std::int64_t at = 0; at < size; at += k_part) {
    const int count = static_cast<int>(std::min(k_part, size - at));
    check_mpi(MPI_Isend(text.data() + at, count, MPI_BYTE, to, tag, comm_, &request), "MPI_Isend");
    wait_politely(request, shared_cores);
  }
}

std::string Communicator::receive_text(int from, int tag, bool shared_cores) const {
  std::int64_t size = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Irecv(&size, 1, MPI_INT64_T, from, tag, comm_, &request), "MPI_Irecv");
  wait_politely(request, shared_cores);
  std::string text(static_cast<std::size_t>(size), '\0');
  for (std::int64_t at = 0; at < size; at += k_part) {
    const int count = static_cast<int>(std::min(k_part, size - at));
    check_mpi(MPI_Irecv(text.data() + at, count, MPI_BYTE, from, tag, comm_, &request), "MPI_Irecv");
    wait_politely(request, shared_cores);
  }
  return text;
}

int Communicator::wait_for_message(int tag, bool shared_cores) const {
  PoliteWait wait(shared_cores);
  for (;; wait.pause()) {
    const int from = find_message(tag);
    if (from >= 0) return from;
  }
}

std::vector<std::string> Communicator::gather(const std::string& bytes, int root, bool shared_cores) const {
  constexpr int k_tag_gather = 15;
  std::vector<std::string> all;
  if (rank() != root) {
    send_text(bytes, root, k_tag_gather, shared_cores);
    return all;
  }
  for (int from = 0; from < size(); ++from)
    all.push_back(from == root ? bytes : receive_text(from, k_tag_gather, shared_cores));
  return all;
}

void Communicator::broadcast_bytes(std::byte* bytes, std::int64_t size, int root, bool shared_cores) const {
  for (std::int64_t at = 0; at < size; at += k_part) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(bytes + at, static_cast<int>(std::min(k_part, size - at)), MPI_BYTE, root, comm_, &request),
              "MPI_Ibcast");
    wait_politely(request, shared_cores);
  }
}

}  // namespace ekman
