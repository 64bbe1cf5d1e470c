// A communicator that is owned or borrowed, with the few collectives that set-up needs. Every MPI call of
// Ekman is in this room; every return code is checked.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ekman {

// Throws Error(mpi) naming the call, if `code` is no success.
void check_mpi(int code, const char* call);

// Move-only. An owned communicator is freed with the object, unless MPI is finalized by then.
class Communicator {
 public:
  Communicator() = default;
  static Communicator borrow(MPI_Comm comm) { return Communicator(comm, false); }
  // Takes over `comm` and sets MPI_ERRORS_RETURN on it.
  static Communicator own(MPI_Comm comm);

  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator();

  MPI_Comm get() const { return comm_; }
  // Gives the handle, and the duty to free it, to the caller.
  MPI_Comm release_handle() { return std::exchange(comm_, MPI_COMM_NULL); }
  // Local. Errors are treated as on `other` from now on: for communicators that leave Ekman.
  void use_errhandler_of(MPI_Comm other) const;
  explicit operator bool() const { return comm_ != MPI_COMM_NULL; }
  int rank() const;
  int size() const;
  // Local. What `ranks` of this communicator are in `other`, which they are in.
  std::vector<int> ranks_in(const Communicator& other, const std::vector<int>& ranks) const;

  // Collective. A duplicate of our own, with MPI_ERRORS_RETURN.
  Communicator clone() const;
  // Collective. Ranks of one colour together; ranks with colour < 0 get an empty communicator.
  Communicator split(int colour, int key) const;
  // Collective over the first `ranks` ranks only, which get a communicator of themselves.
  Communicator split_group(int ranks) const;
  // Collective. The ranks that share memory with this one.
  Communicator split_node() const;

  // Collective, element by element, in place.
  void sum(std::vector<std::int64_t>& values) const;
  void min(std::vector<std::int64_t>& values) const;
  std::int64_t sum(std::int64_t value) const;
  std::int64_t min(std::int64_t value) const;
  std::int64_t max(std::int64_t value) const;
  void barrier() const;
  // The same for a wait that may be long: it gives the core away, see PoliteWait.
  void polite_barrier(bool shared_cores) const;
  // Collective. `count` numbers (double: of 8 bytes, else of 4), element by element, in place, with the same bits on
  // every rank, which MPI_Allreduce does not promise. Waits as polite_barrier does.
  void sum_alike(std::byte* values, std::int64_t count, bool is_double, bool shared_cores) const;
  // Collective. The bytes of every rank, in rank order, on `root`; elsewhere nothing. Waits as polite_barrier does, on
  // the other ranks until theirs are taken.
  std::vector<std::string> gather(const std::string& bytes, int root, bool shared_cores) const;
  // Collective. `size` bytes of `root`, on every rank. Waits as polite_barrier does.
  void broadcast_bytes(std::byte* bytes, std::int64_t size, int root, bool shared_cores) const;
  // Collective. The bytes of `root`, on every rank.
  void broadcast(std::string& bytes, int root) const;
  // Collective. The bytes of every rank, in rank order, on every rank. Memory O(size): for ML ranks, the ranks
  // of a node, and jobs that end.
  std::vector<std::string> all_gather(const std::string& bytes) const;

  // Collective. values[r] goes to rank r; returned is what each rank sent here. Counts take memory O(size).
  std::vector<std::vector<std::int64_t>> all_to_all(const std::vector<std::vector<std::int64_t>>& values) const;

  // Point to point; `send` may block until it is received.
  void send(const std::vector<std::int64_t>& values, int to, int tag) const;
  // As send, but returns at once; `values` must live until the request is waited for.
  MPI_Request isend(const std::vector<std::int64_t>& values, int to, int tag) const;
  std::vector<std::int64_t> receive(int from, int tag) const;
  // Bytes whose number both sides know; less than 2^31.
  void send_bytes(const std::byte* bytes, std::int64_t size, int to, int tag) const;
  void receive_bytes(std::byte* bytes, std::int64_t size, int from, int tag) const;
  // Local. A rank from which a message of this tag is here to be received now; -1: none is.
  int find_message(int tag) const;
  // The same, once there is one; a wait that gives the core away, see PoliteWait, as those of the next two do.
  int wait_for_message(int tag, bool shared_cores) const;
  // Of any length, which the receiver does not know.
  void send_text(const std::string& text, int to, int tag, bool shared_cores) const;
  std::string receive_text(int from, int tag, bool shared_cores) const;

 private:
  Communicator(MPI_Comm comm, bool owned) : comm_(comm), owned_(owned) {}
  void release() noexcept;

  MPI_Comm comm_ = MPI_COMM_NULL;
  bool owned_ = false;
};

// Waits for all and clears the list.
void wait_all(std::vector<MPI_Request>& requests);

// Ends the whole job (MPI_COMM_WORLD), not only this communicator: the other components must not hang.
[[noreturn]] void abort_world(int code);

// The same from a thread that may not call MPI, while the one that may hangs in it: a signal ends the process, and with
// it the job, if MPI_Abort does not within some seconds.
[[noreturn]] void abort_world_from_any_thread(int code);

// Whether MPI runs now (initialised and not finalized).
bool mpi_is_running();

// Whether MPI was started with MPI_THREAD_MULTIPLE: any thread may call it at any time.
bool any_thread_may_call_mpi();

// Whether a destructor may free what all ranks must free together: not while an error unwinds this rank
// alone, because the others would never come, and the error would not be told.
bool may_free_collectively();

}  // namespace ekman
