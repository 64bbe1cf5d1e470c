// What a rank does now, in memory that the other ranks of its node read without its help: some words of 64
// bits, each written whole, so that no reader sees half of a change. DESIGN.md: "Timeouts".
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "coupler/base/node_clock.hpp"
#include "coupler/base/process_state.hpp"
#include "coupler/profile/profile.hpp"

namespace ekman {

enum class Call : std::uint8_t {
  none,
  init,
  enddef,
  put,
  get,
  put_adjoint,
  get_adjoint,
  advance,
  scalar,
  global_sum,
  restart,
  finalize,  // of a component; ML ranks: init, enddef and finalize
  load,
  inputs,
  forward,
  outputs,
  learn,
  learning_step,
  record  // ML ranks: loads its network, waits for inputs, runs, sends, learns, adds up with the others, records
};

inline constexpr int k_no_field = 0xffff;

// A call that a rank is inside, or the last one that it left. `since`: node_milliseconds().
struct Doing {
  Call call = Call::none;
  bool inside = false;
  int field = k_no_field;  // see FieldNumbers
  std::int64_t since = 0;
};

// A Doing in one word; from the low end: call, inside, field, since.
inline constexpr int k_doing_inside_at = 5, k_doing_field_at = 6, k_doing_since_at = 22;
inline std::uint64_t to_word(const Doing& doing) {
  return static_cast<std::uint64_t>(doing.call) | (doing.inside ? 1u << k_doing_inside_at : 0u) |
         static_cast<std::uint64_t>(doing.field & k_no_field) << k_doing_field_at |
         static_cast<std::uint64_t>(doing.since) << k_doing_since_at;
}
Doing to_doing(std::uint64_t word);

// A wait; call none: there is none. `peer` is the rank that is waited for: of a component the ML rank at this
// place of `network`, of an ML rank the component rank; -1: all that make the call together, or those listed
// as late.
struct Wait {
  Call call = Call::none;
  int field = k_no_field;
  std::int64_t since = 0;
  int network = -1;
  int peer = -1;
};

// A component rank whose rows an ML rank still wants. `last_step`: of its last message; 0: there was none.
struct Late {
  std::int64_t rank = 0;
  std::int64_t last_step = 0;
};
inline constexpr int k_max_late = 8;  // that are listed

struct Identity {
  bool known = false;  // false before the plan is known
  bool is_ml = false;
  int owner = 0;  // index of the component, or of the network that the ML rank serves
  int rank = 0;   // among the component's ranks, or all ML ranks
  int place = 0;  // ML ranks: among those of the network
};

// A copy of a record.
struct RankState {
  Identity who;
  ProcessId process;
  Doing doing;
  Wait wait;
  std::int64_t step = 0;         // components: this one; ML ranks: of the rows that are run or waited for
  std::int64_t chunk = 0;        // ML ranks, in forward
  std::uint64_t fields_put = 0;  // components: whole in this step, as bits of FieldNumbers
  std::int64_t late_count = 0;   // of which the first ones are listed
  std::int64_t there_count = 0;  // other ranks, whose rows of the step, or whose end, are there
  bool late_adjoints = false;    // those that are late owe adjoints, not inputs
  std::vector<Late> late;
};

struct alignas(64) StateRecord {
  std::atomic<std::int64_t> known, is_ml, owner, rank, place;
  std::atomic<std::int64_t> process, process_start, process_space;
  std::atomic<std::int64_t> reported;  // in the record of the node's first rank: a report is written
  alignas(64) std::atomic<std::uint64_t> doing;
  std::atomic<std::uint64_t> waiting;  // a Doing; 0: no wait
  std::atomic<std::int64_t> wait_network, wait_peer, step, chunk;
  std::atomic<std::uint64_t> fields_put;
  std::atomic<std::int64_t> late_count, there_count, late_adjoints;
  std::atomic<std::int64_t> late_rank[k_max_late], late_step[k_max_late];
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "ranks read each other's records in shared memory");

RankState read_record(const StateRecord& record);

// The writer of this rank's record. All threads may make calls and wait; the record shows the call that was
// entered or left last, and the wait that began first. The rest is for the init thread, or the only thread of
// an ML rank.
class StateWriter {
 public:
  StateWriter();

  // From now on in `record`, which is zero and must outlive the writer, or in memory of its own (null). No
  // other thread may be in a call.
  void move_to(StateRecord* record);
  void introduce(const Identity& who);

  void enter(Call call, int field = k_no_field) { mark(call, true, field); }
  void leave(Call call, int field = k_no_field) { mark(call, false, field); }
  void step(std::int64_t step) { record_->step.store(step, std::memory_order_relaxed); }
  void chunk(std::int64_t chunk) { record_->chunk.store(chunk, std::memory_order_relaxed); }
  void field_put(std::uint64_t bits) { record_->fields_put.fetch_or(bits, std::memory_order_relaxed); }
  void no_field_put() { record_->fields_put.store(0, std::memory_order_relaxed); }
  void late(const std::vector<Late>& first, std::int64_t count, std::int64_t there_count, bool adjoints);

  // Returns a ticket for end_wait.
  std::int64_t begin_wait(Call call, int field, int network, int peer);
  void end_wait(std::int64_t ticket);

  const StateRecord& record() const { return *record_; }

  // Where the time goes; null: nobody asks. It must outlive its last use.
  Profile* profile() const { return profile_; }
  void profile(Profile* profile) { profile_ = profile; }

 private:
  void mark(Call call, bool inside, int field) {
    record_->doing.store(to_word({call, inside, field, node_milliseconds()}), std::memory_order_relaxed);
  }
  void publish_wait();

  StateRecord own_{};
  StateRecord* record_;
  struct Ticket {
    std::int64_t number;
    Wait wait;
  };
  std::mutex mutex_;
  std::vector<Ticket> waits_;  // oldest first
  std::int64_t tickets_ = 0;
  Profile* profile_ = nullptr;
};

// Inside a call of Ekman while it lives.
class CallScope {
 public:
  CallScope(StateWriter& state, Call call, int field = k_no_field) : state_(state), call_(call), field_(field) {
    state_.enter(call, field);
  }
  ~CallScope() { state_.leave(call_, field_); }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  StateWriter& state_;
  Call call_;
  int field_;
};

// Waiting while it lives; the timeout counts from its beginning.
class WaitScope {
 public:
  WaitScope(StateWriter& state, Call call, int field = k_no_field, int network = -1, int peer = -1)
      : state_(state), ticket_(state.begin_wait(call, field, network, peer)) {}
  ~WaitScope() { state_.end_wait(ticket_); }
  WaitScope(const WaitScope&) = delete;
  WaitScope& operator=(const WaitScope&) = delete;

 private:
  StateWriter& state_;
  std::int64_t ticket_;
};

}  // namespace ekman
