// Implements communicator.hpp.
#include "coupler/comm/communicator.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <limits>
#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/base/simulation.hpp"
#include "ekman/error.hpp"

namespace ekman {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(ErrorCode::mpi, fmt::format("{} failed: {}; see what MPI wrote, and whether a rank or a node died", call,
                                          std::string(text, length)));
}

bool mpi_is_running() {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized && !finalized;
}

bool any_thread_may_call_mpi() {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Query_thread(&provided), "MPI_Query_thread");
  return provided == MPI_THREAD_MULTIPLE;
}

bool may_free_collectively() { return mpi_is_running() && std::uncaught_exceptions() == 0; }

void abort_world(int code) {
  await_reader();
  if (!k_simulated && mpi_is_running()) MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

void abort_world_from_any_thread(int code) {
  constexpr unsigned k_patience = 10;  // seconds
  signal(SIGALRM, SIG_DFL);
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
  alarm(k_patience);
  abort_world(code);
}

Communicator Communicator::own(MPI_Comm comm) {
  if (comm != MPI_COMM_NULL) {
    check_mpi(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  return Communicator(comm, true);
}

void Communicator::use_errhandler_of(MPI_Comm other) const {
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  check_mpi(MPI_Comm_get_errhandler(other, &handler), "MPI_Comm_get_errhandler");
  check_mpi(MPI_Comm_set_errhandler(comm_, handler), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Errhandler_free(&handler), "MPI_Errhandler_free");
}

Communicator::Communicator(Communicator&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)), owned_(std::exchange(other.owned_, false)) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  if (this != &other) {
    release();
    comm_ = std::exchange(other.comm_, MPI_COMM_NULL);
    owned_ = std::exchange(other.owned_, false);
  }
  return *this;
}

Communicator::~Communicator() { release(); }

void Communicator::release() noexcept {
  if (owned_ && comm_ != MPI_COMM_NULL && may_free_collectively()) MPI_Comm_free(&comm_);
  comm_ = MPI_COMM_NULL;
}

int Communicator::rank() const {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm_, &rank), "MPI_Comm_rank");
  return rank;
}

int Communicator::size() const {
  int size = 0;
  check_mpi(MPI_Comm_size(comm_, &size), "MPI_Comm_size");
  return size;
}

std::vector<int> Communicator::ranks_in(const Communicator& other, const std::vector<int>& ranks) const {
  MPI_Group mine = MPI_GROUP_NULL, theirs = MPI_GROUP_NULL;
  std::vector<int> found(ranks.size());
  check_mpi(MPI_Comm_group(comm_, &mine), "MPI_Comm_group");
  check_mpi(MPI_Comm_group(other.comm_, &theirs), "MPI_Comm_group");
  check_mpi(MPI_Group_translate_ranks(mine, static_cast<int>(ranks.size()), ranks.data(), theirs, found.data()),
            "MPI_Group_translate_ranks");
  MPI_Group_free(&mine);
  MPI_Group_free(&theirs);
  return found;
}

Communicator Communicator::clone() const {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(comm_, &copy), "MPI_Comm_dup");
  return own(copy);
}

Communicator Communicator::split(int colour, int key) const {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(comm_, colour < 0 ? MPI_UNDEFINED : colour, key, &part), "MPI_Comm_split");
  return own(part);
}

Communicator Communicator::split_group(int ranks) const {
  MPI_Group everyone = MPI_GROUP_NULL, first = MPI_GROUP_NULL;
  MPI_Comm part = MPI_COMM_NULL;
  int range[1][3] = {{0, ranks - 1, 1}};
  check_mpi(MPI_Comm_group(comm_, &everyone), "MPI_Comm_group");
  check_mpi(MPI_Group_range_incl(everyone, 1, range, &first), "MPI_Group_range_incl");
  check_mpi(MPI_Comm_create_group(comm_, first, 0, &part), "MPI_Comm_create_group");
  MPI_Group_free(&first);
  MPI_Group_free(&everyone);
  return own(part);
}

Communicator Communicator::split_node() const {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &part), "MPI_Comm_split_type");
  return own(part);
}

namespace {
// An int count, or an error: set-up messages of more than 2^31 values mean too few ML ranks.
int as_count(std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorCode::mpi, fmt::format("a set-up message of {} values is too long; use more ranks", size));
  }
  return static_cast<int>(size);
}

void reduce(MPI_Comm comm, std::vector<std::int64_t>& values, MPI_Op op) {
  if (values.empty()) return;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), as_count(values.size()), MPI_INT64_T, op, comm),
            "MPI_Allreduce");
}
}  // namespace

namespace {

struct Parts {
  std::int64_t* values;
  const std::vector<int>& counts;  // of each rank
  const std::vector<int>& offsets;
};

// MPI_Alltoallv; SMPI's is of n * n messages, most of which are empty here.
void exchange(MPI_Comm comm, const Parts& out, const Parts& in) {
  if constexpr (!k_simulated) {
    check_mpi(MPI_Alltoallv(out.values, out.counts.data(), out.offsets.data(), MPI_INT64_T, in.values, in.counts.data(),
                            in.offsets.data(), MPI_INT64_T, comm),
              "MPI_Alltoallv");
    return;
  }
  constexpr int k_tag_all_to_all = 14;
  std::vector<MPI_Request> requests;
  for (std::size_t r = 0; r < in.counts.size(); ++r) {
    if (in.counts[r] == 0) continue;
    check_mpi(MPI_Irecv(in.values + in.offsets[r], in.counts[r], MPI_INT64_T, static_cast<int>(r), k_tag_all_to_all,
                        comm, &requests.emplace_back()),
              "MPI_Irecv");
  }
  for (std::size_t r = 0; r < out.counts.size(); ++r) {
    if (out.counts[r] == 0) continue;
    check_mpi(MPI_Isend(out.values + out.offsets[r], out.counts[r], MPI_INT64_T, static_cast<int>(r), k_tag_all_to_all,
                        comm, &requests.emplace_back()),
              "MPI_Isend");
  }
  wait_all(requests);
}

}  // namespace

void Communicator::sum(std::vector<std::int64_t>& values) const { reduce(comm_, values, MPI_SUM); }
void Communicator::min(std::vector<std::int64_t>& values) const { reduce(comm_, values, MPI_MIN); }

std::int64_t Communicator::sum(std::int64_t value) const {
  std::vector<std::int64_t> one{value};
  reduce(comm_, one, MPI_SUM);
  return one[0];
}

std::int64_t Communicator::min(std::int64_t value) const {
  std::vector<std::int64_t> one{value};
  reduce(comm_, one, MPI_MIN);
  return one[0];
}

std::int64_t Communicator::max(std::int64_t value) const {
  std::vector<std::int64_t> one{value};
  reduce(comm_, one, MPI_MAX);
  return one[0];
}

void Communicator::barrier() const { check_mpi(MPI_Barrier(comm_), "MPI_Barrier"); }

void Communicator::broadcast(std::string& bytes, int root) const {
  std::int64_t size = static_cast<std::int64_t>(bytes.size());
  check_mpi(MPI_Bcast(&size, 1, MPI_INT64_T, root, comm_), "MPI_Bcast");
  bytes.resize(static_cast<std::size_t>(size));
  check_mpi(MPI_Bcast(bytes.data(), as_count(bytes.size()), MPI_BYTE, root, comm_), "MPI_Bcast");
}

std::vector<std::string> Communicator::all_gather(const std::string& bytes) const {
  std::vector<std::string> all(size());
  for (int root = 0; root < static_cast<int>(all.size()); ++root) {
    if (root == rank()) all[root] = bytes;
    broadcast(all[root], root);
  }
  return all;
}

std::vector<std::vector<std::int64_t>> Communicator::all_to_all(
    const std::vector<std::vector<std::int64_t>>& values) const {
  const std::size_t ranks = values.size();
  std::vector<int> counts(ranks), offsets(ranks), counts_in(ranks), offsets_in(ranks);
  std::vector<std::int64_t> outgoing;
  for (std::size_t r = 0; r < ranks; ++r) {
    counts[r] = as_count(values[r].size());
    offsets[r] = as_count(outgoing.size());
    outgoing.insert(outgoing.end(), values[r].begin(), values[r].end());
  }
  check_mpi(MPI_Alltoall(counts.data(), 1, MPI_INT, counts_in.data(), 1, MPI_INT, comm_), "MPI_Alltoall");
  std::size_t incoming = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    offsets_in[r] = as_count(incoming);
    incoming += static_cast<std::size_t>(counts_in[r]);
  }
  std::vector<std::int64_t> received(incoming);
  exchange(comm_, {outgoing.data(), counts, offsets}, {received.data(), counts_in, offsets_in});
  std::vector<std::vector<std::int64_t>> result(ranks);
  for (std::size_t r = 0; r < ranks; ++r)
    result[r].assign(received.begin() + offsets_in[r], received.begin() + offsets_in[r] + counts_in[r]);
  return result;
}

void Communicator::send(const std::vector<std::int64_t>& values, int to, int tag) const {
  check_mpi(MPI_Send(values.data(), as_count(values.size()), MPI_INT64_T, to, tag, comm_), "MPI_Send");
}

MPI_Request Communicator::isend(const std::vector<std::int64_t>& values, int to, int tag) const {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Isend(values.data(), as_count(values.size()), MPI_INT64_T, to, tag, comm_, &request), "MPI_Isend");
  return request;
}

std::vector<std::int64_t> Communicator::receive(int from, int tag) const {
  MPI_Status status;
  int count = 0;
  check_mpi(MPI_Probe(from, tag, comm_, &status), "MPI_Probe");
  check_mpi(MPI_Get_count(&status, MPI_INT64_T, &count), "MPI_Get_count");
  std::vector<std::int64_t> values(count);
  check_mpi(MPI_Recv(values.data(), count, MPI_INT64_T, from, tag, comm_, MPI_STATUS_IGNORE), "MPI_Recv");
  return values;
}

void Communicator::send_bytes(const std::byte* bytes, std::int64_t size, int to, int tag) const {
  check_mpi(MPI_Send(bytes, as_count(static_cast<std::size_t>(size)), MPI_BYTE, to, tag, comm_), "MPI_Send");
}

void Communicator::receive_bytes(std::byte* bytes, std::int64_t size, int from, int tag) const {
  check_mpi(MPI_Recv(bytes, as_count(static_cast<std::size_t>(size)), MPI_BYTE, from, tag, comm_, MPI_STATUS_IGNORE),
            "MPI_Recv");
}

int Communicator::find_message(int tag) const {
  MPI_Status status;
  int found = 0;
  check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, tag, comm_, &found, &status), "MPI_Iprobe");
  return found != 0 ? status.MPI_SOURCE : -1;
}

void wait_all(std::vector<MPI_Request>& requests) {
  check_mpi(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  requests.clear();
}

}  // namespace ekman
