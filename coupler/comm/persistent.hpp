// Persistent messages that land in place: one request for each message of the exchange across nodes.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coupler/comm/communicator.hpp"

namespace ekman {

// Bytes at one address of a message.
struct Span {
  std::byte* data = nullptr;
  std::int64_t bytes = 0;
};

// A list of persistent requests, started and completed one by one. Move-only; the memory of the spans and the
// communicator must outlive it. Local, except that a message must be started on both sides.
class PersistentList {
 public:
  PersistentList() = default;
  PersistentList(PersistentList&&) noexcept = default;
  PersistentList& operator=(PersistentList&&) noexcept = default;
  PersistentList(const PersistentList&) = delete;
  PersistentList& operator=(const PersistentList&) = delete;
  ~PersistentList();

  // Adds a message gathered from, or scattered to, `spans` in order. Returns its index.
  int add_send(const Communicator& comm, const std::vector<Span>& spans, int to, int tag);
  int add_receive(const Communicator& comm, const std::vector<Span>& spans, int from, int tag);

  void start(int index);
  void wait(int index);
  bool test(int index);
  // Indices of started messages that are complete now; in a simulation, of those that wait_for_any has found.
  const std::vector<int>& poll();
  // For a simulation, where polling takes no time and waits for ever: blocks until a started message of one of `lists`
  // is complete. The next poll of its list tells it.
  static void wait_for_any(const std::vector<PersistentList*>& lists);
  bool empty() const { return requests_.empty(); }

 private:
  std::vector<MPI_Request> requests_;
  std::vector<int> completed_;
  std::vector<int> found_;  // by wait_for_any
};

}  // namespace ekman
