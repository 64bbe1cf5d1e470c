// Implements state_record.hpp.
#include "coupler/session/state_record.hpp"

#include <algorithm>

#include "coupler/base/node_clock.hpp"

namespace ekman {

namespace {

constexpr std::memory_order k_relaxed = std::memory_order_relaxed;

}  // namespace

Doing to_doing(std::uint64_t word) {
  Doing doing;
  doing.call = static_cast<Call>(word & ((1u << k_doing_inside_at) - 1));
  doing.inside = (word >> k_doing_inside_at & 1) != 0;
  doing.field = static_cast<int>(word >> k_doing_field_at & k_no_field);
  doing.since = static_cast<std::int64_t>(word >> k_doing_since_at);
  return doing;
}

RankState read_record(const StateRecord& record) {
  RankState state;
  state.who.known = record.known.load(std::memory_order_acquire) != 0;
  state.who.is_ml = record.is_ml.load(k_relaxed) != 0;
  state.who.owner = static_cast<int>(record.owner.load(k_relaxed));
  state.who.rank = static_cast<int>(record.rank.load(k_relaxed));
  state.who.place = static_cast<int>(record.place.load(k_relaxed));
  state.process = {record.process.load(k_relaxed), record.process_start.load(k_relaxed),
                   record.process_space.load(k_relaxed)};
  state.doing = to_doing(record.doing.load(k_relaxed));
  const Doing waiting = to_doing(record.waiting.load(std::memory_order_acquire));
  state.wait = {waiting.call, waiting.field, waiting.since, static_cast<int>(record.wait_network.load(k_relaxed)),
                static_cast<int>(record.wait_peer.load(k_relaxed))};
  state.step = record.step.load(k_relaxed);
  state.chunk = record.chunk.load(k_relaxed);
  state.fields_put = record.fields_put.load(k_relaxed);
  state.late_count = record.late_count.load(k_relaxed);
  state.there_count = record.there_count.load(k_relaxed);
  state.late_adjoints = record.late_adjoints.load(k_relaxed) != 0;
  for (int i = 0; i < std::min<std::int64_t>(state.late_count, k_max_late); ++i) {
    state.late.push_back({record.late_rank[i].load(k_relaxed), record.late_step[i].load(k_relaxed)});
  }
  return state;
}

StateWriter::StateWriter() : record_(&own_) {}

void StateWriter::move_to(StateRecord* record) {
  StateRecord& to = record != nullptr ? *record : own_;
  to.doing.store(record_->doing.load(k_relaxed), k_relaxed);
  const std::lock_guard<std::mutex> lock(mutex_);
  record_ = &to;
  publish_wait();
}

void StateWriter::introduce(const Identity& who) {
  record_->is_ml.store(who.is_ml ? 1 : 0, k_relaxed);
  record_->owner.store(who.owner, k_relaxed);
  record_->rank.store(who.rank, k_relaxed);
  record_->place.store(who.place, k_relaxed);
  const ProcessId process = this_process();
  record_->process.store(process.number, k_relaxed);
  record_->process_start.store(process.start, k_relaxed);
  record_->process_space.store(process.space, k_relaxed);
  record_->known.store(1, std::memory_order_release);
}

void StateWriter::late(const std::vector<Late>& first, std::int64_t count, std::int64_t there_count, bool adjoints) {
  for (std::size_t i = 0; i < std::min<std::size_t>(first.size(), k_max_late); ++i) {
    record_->late_rank[i].store(first[i].rank, k_relaxed);
    record_->late_step[i].store(first[i].last_step, k_relaxed);
  }
  record_->there_count.store(there_count, k_relaxed);
  record_->late_adjoints.store(adjoints ? 1 : 0, k_relaxed);
  record_->late_count.store(count, k_relaxed);
}

std::int64_t StateWriter::begin_wait(Call call, int field, int network, int peer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  waits_.push_back({++tickets_, {call, field, node_milliseconds(), network, peer}});
  if (waits_.size() == 1) publish_wait();
  return tickets_;
}

void StateWriter::end_wait(std::int64_t ticket) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find_if(waits_.begin(), waits_.end(), [&](const Ticket& t) { return t.number == ticket; });
  const bool shown = found == waits_.begin();
  if (found != waits_.end()) waits_.erase(found);
  if (shown) publish_wait();
}

// The oldest: its time is up first.
void StateWriter::publish_wait() {
  if (waits_.empty()) {
    record_->waiting.store(0, k_relaxed);
    return;
  }
  const Wait& wait = waits_.front().wait;
  record_->wait_network.store(wait.network, k_relaxed);
  record_->wait_peer.store(wait.peer, k_relaxed);
  record_->waiting.store(to_word({wait.call, true, wait.field, wait.since}), std::memory_order_release);
}

}  // namespace ekman
