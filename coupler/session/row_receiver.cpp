// Implements row_receiver.hpp.
#include "coupler/session/row_receiver.hpp"

#include <fmt/format.h>

#include "coupler/base/simulation.hpp"
#include "coupler/comm/polite_wait.hpp"
#include "coupler/engine/guard.hpp"
#include "coupler/session/patient_wait.hpp"
#include "ekman/error.hpp"

namespace ekman {

RowReceiver::RowReceiver(Direction& direction, const RowContext& context, std::vector<int> numbers, bool any_thread,
                         Call call)
    : direction_(direction),
      context_(context),
      numbers_(std::move(numbers)),
      any_thread_(any_thread),
      call_(call),
      lag_(context.spec.lag),
      arrived_(new std::atomic<bool>[direction.messages.size()]) {
  for (std::size_t m = 0; m < direction_.messages.size(); ++m) {
    if (direction_.messages[m].request >= 0) message_of_request_.push_back(m);
  }
  reset();
}

void RowReceiver::reset() {
  for (std::size_t m = 0; m < direction_.messages.size(); ++m) arrived_[m].store(false, std::memory_order_relaxed);
  receiving_ = false;
}

void RowReceiver::begin_exchange() {
  ++exchange_;
  reset();
}

void RowReceiver::start() {
  if (direction_.requests.empty()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (receiving_) return;
  wait_for_exchange(exchange_, call_);  // one before that had this place: nobody reads those rows any more
  for (const Message& message : direction_.messages) {
    if (message.request >= 0) direction_.requests.start(message.request_of(exchange_));
  }
  receiving_ = true;
}

void RowReceiver::wait_for_exchange(std::int64_t exchange, Call call) {
  for (const Message& message : direction_.messages) {
    wait_for_request(direction_, message, message.request_of(exchange), context_, call);
  }
}

void RowReceiver::finish(Call call) {
  for (std::int64_t i = 0; i <= lag_; ++i) wait_for_exchange(exchange_ + i, call);
}

RowSpan RowReceiver::rows(const Run& run, std::int64_t slot, int field) const {
  RowSpan rows = rows_of(direction_, run, slot, field, context_.spec.wire);
  if (fetched() % 2 != 0) rows.first += direction_.messages[run.message].second;
  return rows;
}

std::int64_t RowReceiver::get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                              bool init_thread, Reducer* fallback) {
  if (init_thread && !any_thread_) receive_all(field);
  bool guarded = false;
  int last = -1;
  for_runs(direction_.runs, first, count, [&](const Run& run, std::int64_t, std::int64_t) {
    if (run.message == last) return;
    last = run.message;
    wait_for(last, field, init_thread || any_thread_);
    guarded = guarded || has_given_up(last);
  });
  const TrapGuard guard;
  const Real wire = context_.spec.wire;
  if constexpr (k_simulated) pass_copy_time(count * columns.levels * real_size(wire));
  const auto rows_at = [&](const Run& run, std::int64_t slot) { return rows(run, slot, field); };
  std::int64_t given_up = 0;
  if (guarded) {
    for_runs(direction_.runs, first, count, [&](const Run& run, std::int64_t slot, std::int64_t slots) {
      if (has_given_up(run.message)) {
        given_up += unpack_guarded(run, field, columns, slot, slots, first, fallback);
      } else {
        unpack(rows_at(run, slot), columns, slot - first, slots);
      }
    });
    return given_up;
  }
  for_rows(
      direction_.runs, first, count, rows_at,
      [&](const RowSpan& span, std::int64_t slot, std::int64_t n) { unpack(span, columns, slot - first, n); },
      [&](std::byte* const* places, std::int64_t slot, std::int64_t n) {
        unpack(places, wire, columns, slot - first, n);
      });
  return given_up;
}

bool RowReceiver::has_given_up(int message) const {
  return checked_given_up(header(direction_.messages[message]).given_up) > 0;
}

bool RowReceiver::status(LearningStatus& status) {
  if (direction_.messages.empty()) return false;
  wait_for(0, -1, true);
  status = header(direction_.messages[0]).learning;
  return true;
}

// Slot by slot: some rows of this message are marked.
std::int64_t RowReceiver::unpack_guarded(const Run& run, int field, const ColumnView& columns, std::int64_t slot,
                                         std::int64_t count, std::int64_t first, Reducer* fallback) {
  std::int64_t given_up = 0;
  for (std::int64_t i = slot; i < slot + count; ++i) {
    const RowSpan row = rows(run, i, field);
    if (!is_given_up(row.first, context_.spec.wire)) {
      unpack(row, columns, i - first, 1);
      continue;
    }
    ++given_up;
    if (fallback != nullptr) unpack(fallback->rows(i), columns, i - first, 1);
  }
  return given_up;
}

// Other threads get their rows after this one, which may be gone into the barrier of a parallel loop by then.
void RowReceiver::receive_all(int field) {
  progress();
  for (std::size_t m = 0; m < direction_.messages.size(); ++m) {
    if (direction_.messages[m].request >= 0) wait_for(static_cast<int>(m), field, true);
  }
}

// `field` < 0: for none.
void RowReceiver::wait_for(int m, int field, bool may_call_mpi) {
  const Message& message = direction_.messages[m];
  const int number = field < 0 ? k_no_field : numbers_[field];
  if (message.request < 0) {
    return wait_until([&] { return header(message).sequence.load(std::memory_order_acquire) > fetched(); },
                      context_.shared_cores, context_.bell, context_.writer, call_, number, context_.network,
                      message.peer);
  }
  if (arrived_[m].load(std::memory_order_acquire)) return;
  const StageTimer timer(context_.writer.profile(), Stage::wait, context_.network);
  const WaitScope waiting(context_.writer, call_, number, context_.network, message.peer);
  if constexpr (k_simulated) {
    direction_.requests.wait(message.request_of(fetched()));
    return arrived_[m].store(true, std::memory_order_release);
  }
  PoliteWait wait(context_.shared_cores);
  while (!arrived_[m].load(std::memory_order_acquire)) {
    if (!may_call_mpi) {
      throw Error(ErrorCode::usage,
                  fmt::format("get of \"{}\" from a thread other than the one that called init: the rows come from "
                              "another node, and only that thread may receive them; let it call get first in each step "
                              "(an empty part is enough), or start MPI with MPI_THREAD_MULTIPLE",
                              direction_.layout.fields[field].name));
    }
    progress();
    wait.pause();
  }
}

void RowReceiver::progress() {
  if (direction_.requests.empty()) return;
  const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || (!receiving_ && lag_ == 0)) return;
  if (lag_ == 0) {
    for (const int request : direction_.requests.poll()) {
      arrived_[message_of_request_[request]].store(true, std::memory_order_release);
    }
    return;
  }
  // Rows of the next exchange are on their way too.
  for (std::size_t m = 0; m < direction_.messages.size(); ++m) {
    const Message& message = direction_.messages[m];
    if (message.request < 0 || arrived_[m].load(std::memory_order_relaxed)) continue;
    if (direction_.requests.test(message.request_of(fetched()))) arrived_[m].store(true, std::memory_order_release);
  }
}

}  // namespace ekman
