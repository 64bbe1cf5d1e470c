// Implements component_route.hpp.
#include "coupler/session/component_route.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/base/check.hpp"
#include "coupler/comm/polite_wait.hpp"
#include "coupler/engine/guard.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// Calls visit(run, first slot, slots) for the parts of runs inside [first, first + count).
template <class Visit>
void for_runs(const std::vector<Run>& runs, std::int64_t first, std::int64_t count, Visit visit) {
  if (count == 0) return;
  auto run = std::upper_bound(runs.begin(), runs.end(), first,
                              [](std::int64_t slot, const Run& r) { return slot < r.slot + r.count; });
  for (; run != runs.end() && run->slot < first + count; ++run) {
    const std::int64_t from = std::max(first, run->slot);
    const std::int64_t to = std::min(first + count, run->slot + run->count);
    visit(*run, from, to - from);
  }
}

RowSpan rows_of(const Direction& direction, const Run& run, std::int64_t slot, int field, Real wire) {
  std::byte* row = run.row + (slot - run.slot) * direction.row_bytes;
  return {row + direction.layout.fields[field].offset * real_size(wire), direction.row_bytes, wire};
}

}  // namespace

ComponentRoute::ComponentRoute(Route route, const NetworkSpec& spec, std::int64_t slots, std::int64_t period,
                               bool shared_cores, bool any_thread, RouteState state)
    : route_(std::move(route)),
      spec_(spec),
      period_(period),
      shared_cores_(shared_cores),
      any_thread_(any_thread),
      state_(std::move(state)),
      fields_(static_cast<std::int64_t>(route_.in.layout.fields.size())),
      outgoing_(new Outgoing[route_.in.messages.size()]),
      arrived_(new std::atomic<bool>[route_.out.messages.size()]) {
  for (const FieldSlot& field : route_.in.layout.fields) {
    const bool reduced = spec_.time_reduction != Reduction::none && period_ > 1;
    reducers_.push_back(reduced ? std::make_unique<Reducer>(field.name, spec_.time_reduction, slots, field.levels)
                                : nullptr);
  }
  reset();
}

void ComponentRoute::reset() {
  for (std::size_t m = 0; m < route_.in.messages.size(); ++m) {
    outgoing_[m].rows_missing = route_.in.messages[m].rows * fields_;
    outgoing_[m].posted = false;
  }
  for (std::size_t m = 0; m < route_.out.messages.size(); ++m) arrived_[m] = false;
  receiving_ = false;
}

void ComponentRoute::put(int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                         std::int64_t step, bool init_thread) {
  if (count == 0) return;
  Reducer* reducer = reducers_[field].get();
  if (reducer == nullptr) {
    if (couples(step)) send(field, columns, first, count, step, init_thread);
    return;
  }
  {
    const TrapGuard guard;
    reducer->add(columns, first, count, couples(step));
  }
  if (couples(step)) send(field, reducer->result(first, count), first, count, step, init_thread);
}

void ComponentRoute::send(int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                          std::int64_t step, bool init_thread) {
  wait_until_inputs_free(Call::put, state_.inputs[field]);
  {
    const TrapGuard guard;
    for_runs(route_.in.runs, first, count, [&](const Run& run, std::int64_t slot, std::int64_t slots) {
      pack(columns, slot - first, slots, rows_of(route_.in, run, slot, field, spec_.wire));
    });
  }
  for_runs(route_.in.runs, first, count,
           [&](const Run& run, std::int64_t, std::int64_t slots) { packed(run.message, slots, step); });
  if (init_thread || any_thread_) flush();
}

// The ML rank may still be reading the rows of an exchange whose outputs nobody fetched.
void ComponentRoute::wait_until_inputs_free(Call call, int field) {
  if (inputs_free_.load(std::memory_order_acquire)) return;
  const std::lock_guard<std::mutex> lock(inputs_mutex_);
  for (const Message& message : route_.in.messages) {
    if (message.request >= 0 || message.header->consumed.load(std::memory_order_acquire) >= exchange_) continue;
    const WaitScope waiting(state_.writer, call, field, state_.network, message.peer);
    PoliteWait wait(shared_cores_);
    while (message.header->consumed.load(std::memory_order_acquire) < exchange_) wait.pause();
  }
  inputs_free_.store(true, std::memory_order_release);
}

void ComponentRoute::packed(int m, std::int64_t rows, std::int64_t step) {
  const Message& message = route_.in.messages[m];
  if (outgoing_[m].rows_missing.fetch_sub(rows, std::memory_order_acq_rel) != rows) return;
  message.header->step = step;
  if (message.request < 0) {
    message.header->sequence.store(exchange_ + 1, std::memory_order_release);
  } else {
    message.header->sequence.store(1, std::memory_order_release);  // for flush, here on this rank only
  }
}

void ComponentRoute::flush() {
  if (route_.in.requests.empty()) return;
  const std::lock_guard<std::mutex> lock(mpi_mutex_);
  if (!receiving_) {
    wait_for_requests(route_.out, Call::get);  // of the exchange before: nobody reads those rows any more
    for (const Message& message : route_.out.messages) {
      if (message.request >= 0) route_.out.requests.start(message.request);
    }
    receiving_ = true;
  }
  for (std::size_t m = 0; m < route_.in.messages.size(); ++m) {
    const Message& message = route_.in.messages[m];
    if (message.request < 0 || outgoing_[m].posted) continue;
    if (message.header->sequence.load(std::memory_order_acquire) == 0) continue;
    route_.in.requests.start(message.request);
    outgoing_[m].posted = true;
    message.header->sequence.store(0, std::memory_order_relaxed);
  }
}

std::int64_t ComponentRoute::get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                                 bool init_thread, Reducer* fallback) {
  const bool may_call_mpi = init_thread || any_thread_;
  if (may_call_mpi) flush();
  if (init_thread && !any_thread_) receive_all(field);
  for_runs(route_.out.runs, first, count,
           [&](const Run& run, std::int64_t, std::int64_t) { wait_for(run.message, field, may_call_mpi); });
  const TrapGuard guard;
  std::int64_t given_up = 0;
  for_runs(route_.out.runs, first, count, [&](const Run& run, std::int64_t slot, std::int64_t slots) {
    if (checked_given_up(route_.out.messages[run.message].header->given_up) > 0) {
      given_up += unpack_guarded(run, field, columns, slot, slots, first, fallback);
    } else {
      unpack(rows_of(route_.out, run, slot, field, spec_.wire), columns, slot - first, slots);
    }
  });
  return given_up;
}

// Slot by slot: some rows of this message are marked.
std::int64_t ComponentRoute::unpack_guarded(const Run& run, int field, const ColumnView& columns, std::int64_t slot,
                                            std::int64_t count, std::int64_t first, Reducer* fallback) {
  std::int64_t given_up = 0;
  for (std::int64_t i = slot; i < slot + count; ++i) {
    const RowSpan row = rows_of(route_.out, run, i, field, spec_.wire);
    if (!is_given_up(row.first, spec_.wire)) {
      unpack(row, columns, i - first, 1);
      continue;
    }
    ++given_up;
    if (fallback != nullptr) unpack(fallback->rows(i), columns, i - first, 1);
  }
  return given_up;
}

// Other threads get their rows after this one, which may be gone into the barrier of a parallel loop by then.
void ComponentRoute::receive_all(int field) {
  progress();
  for (std::size_t m = 0; m < route_.out.messages.size(); ++m) {
    if (route_.out.messages[m].request >= 0) wait_for(static_cast<int>(m), field, true);
  }
}

void ComponentRoute::wait_for(int m, int field, bool may_call_mpi) {
  const Message& message = route_.out.messages[m];
  const auto sequence = [&] { return message.header->sequence.load(std::memory_order_acquire); };
  if (message.request < 0 ? sequence() > exchange_ : arrived_[m].load(std::memory_order_acquire)) return;
  const WaitScope waiting(state_.writer, Call::get, state_.outputs[field], state_.network, message.peer);
  PoliteWait wait(shared_cores_);
  if (message.request < 0) {
    while (sequence() <= exchange_) wait.pause();
    return;
  }
  while (!arrived_[m].load(std::memory_order_acquire)) {
    if (!may_call_mpi) {
      throw Error(ErrorCode::usage,
                  fmt::format("get of \"{}\" from a thread other than the one that called init: the rows come from "
                              "another node, and only that thread may receive them; let it call get first in each step "
                              "(an empty part is enough), or start MPI with MPI_THREAD_MULTIPLE",
                              route_.out.layout.fields[field].name));
    }
    progress();
    wait.pause();
  }
}

void ComponentRoute::progress() {
  const std::unique_lock<std::mutex> lock(mpi_mutex_, std::try_to_lock);
  if (!lock.owns_lock() || !receiving_) return;
  for (std::size_t m = 0; m < route_.out.messages.size(); ++m) {
    const Message& message = route_.out.messages[m];
    if (message.request < 0 || arrived_[m].load(std::memory_order_relaxed)) continue;
    if (route_.out.requests.test(message.request)) arrived_[m].store(true, std::memory_order_release);
  }
}

// One after the other, so that it can be said for whom it waits.
void ComponentRoute::wait_for_requests(Direction& direction, Call call) {
  for (const Message& message : direction.messages) {
    if (message.request < 0 || direction.requests.test(message.request)) continue;
    const WaitScope waiting(state_.writer, call, k_no_field, state_.network, message.peer);
    direction.requests.wait(message.request);
  }
}

void ComponentRoute::end_step(std::int64_t step) {
  for (const auto& reducer : reducers_) {
    if (reducer != nullptr) reducer->end_step(couples(step));
  }
  if (couples(step)) end_exchange();
  if (couples(step + 1)) begin_exchange();
}

// All messages are posted, and their memory is free again across nodes; outputs can still be fetched.
void ComponentRoute::end_exchange() {
  flush();
  wait_for_requests(route_.in, Call::advance);
  inputs_free_.store(false, std::memory_order_release);
  open_ = false;
}

void ComponentRoute::begin_exchange() {
  ++exchange_;
  reset();
  open_ = true;
}

void ComponentRoute::write_restart(const std::string& label, std::int64_t step) {
  RestartRequest request;
  request.step = step;
  request.exchanges = open_ ? exchange_ : exchange_ + 1;
  request.label = label;
  for (const auto& reducer : reducers_) {
    if (reducer != nullptr && reducer->steps() > 0) request.kinds.push_back(reducer->kind());
  }
  ekman::write_restart(route_, request, reducers_);
}

// Between couplings the exchange before the cut counts as the first one, and its outputs are on their way.
void ComponentRoute::resume(std::int64_t step) {
  if (couples(step)) return;
  open_ = false;
  flush();
}

void ComponentRoute::finish() {
  if (!open_) begin_exchange();
  wait_until_inputs_free(Call::finalize, k_no_field);
  wait_for_requests(route_.out, Call::finalize);
  for (const Message& message : route_.in.messages) {
    message.header->step = k_end_of_run;
    if (message.request < 0) {
      message.header->sequence.store(exchange_ + 1, std::memory_order_release);
    } else {
      route_.in.requests.start(message.request);
    }
  }
  wait_for_requests(route_.in, Call::finalize);
}

void ComponentRoute::leave() {
  const WaitScope waiting(state_.writer, Call::finalize, k_no_field, state_.network, -1);
  route_.comm.polite_barrier(shared_cores_);
}

}  // namespace ekman
