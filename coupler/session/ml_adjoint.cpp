// Implements ml_adjoint.hpp.
#include "coupler/session/ml_adjoint.hpp"

#include <algorithm>

#include "coupler/base/check.hpp"
#include "coupler/session/ml_training.hpp"

namespace ekman {

MlAdjoint::MlAdjoint(Route& route, const NetworkSpec& spec, Tape& tape, Learner* learner, LearningRecord* record,
                     bool shared_cores, StateWriter& state, const StepClock& clock)
    : route_(route),
      spec_(spec),
      tape_(tape),
      learner_(learner),
      record_(record),
      state_(state),
      in_(route.adjoint_in, spec, clock, static_cast<std::int64_t>(route.chunks.size()), [](int, std::int64_t) {}),
      out_(route.adjoint_out, spec, state, static_cast<std::int64_t>(route.chunks.size())),
      slots_(route.chunks.size()) {
  in_.begin();
  if (learner != nullptr && !route.chunks.empty()) {
    sum_ = std::make_unique<GradientSum>(route.learners, static_cast<std::int64_t>(route.owners.size()),
                                         spec.reproducible, *learner, shared_cores, state);
  }
}

bool MlAdjoint::may_take(std::int64_t s, const Turn& turn) {
  const Slot& slot = slots_[s];
  if (turn.number != slot.turn + 1) return false;
  if (sum_ != nullptr && slot.emptied == (windows_ + 1) * spec_.training.accumulate) return false;
  if (turn.zero == 0 || zeroed_ == turn.number) return true;
  const auto before = [&](const Slot& other) { return other.turn == turn.number - 1; };
  if (!std::all_of(slots_.begin(), slots_.end(), before)) return false;
  drop();
  zeroed_ = turn.number;
  return true;
}

void MlAdjoint::drop() {
  tape_.clear();
  if (sum_ != nullptr) sum_->drop();
  passes_ = 0;
  for (Slot& slot : slots_) {
    slot.depth = 0;
    slot.emptied = windows_ * spec_.training.accumulate;
  }
}

bool MlAdjoint::is_done(std::int64_t turns) const {
  const auto is_there = [&](const Slot& slot) { return slot.turn == turns; };
  return whole_.empty() && !step_is_due() && std::all_of(slots_.begin(), slots_.end(), is_there);
}

LearningParts MlAdjoint::parts() const {
  const std::int64_t emptied = slots_.front().emptied;
  return sum_->parts(emptied, emptied - windows_ * spec_.training.accumulate);
}

// Turns are counted anew on both sides.
void MlAdjoint::go_on(const LearningParts& parts, std::int64_t step) {
  windows_ = (parts.exchanges - parts.summed) / spec_.training.accumulate;
  const std::int64_t summed = std::min(parts.summed, spec_.training.accumulate);
  for (Slot& slot : slots_) {
    slot.emptied = windows_ * spec_.training.accumulate + summed;
    slot.step = step;
  }
  sum_->restore(parts);
}

bool MlAdjoint::may_run(std::int64_t slot, const Turn& turn) { return may_take(slot, turn); }

void MlAdjoint::forward(std::int64_t slot, std::int64_t step, const std::byte* in, std::byte* out, std::int64_t rows) {
  tape_.forward(slot, in, out, rows);
  ++slots_[slot].turn;
  slots_[slot].step = step;
  ++slots_[slot].depth;
}

bool MlAdjoint::step_is_due() const {
  return sum_ != nullptr && std::all_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
           return slot.emptied == (windows_ + 1) * spec_.training.accumulate;
         });
}

bool MlAdjoint::work() {
  if (step_is_due()) {
    make_step();
    return true;
  }
  const auto found = std::find(whole_.begin(), whole_.end(), next_);
  if (found == whole_.end() || !may_take(next_, in_.turn(next_))) return false;
  whole_.erase(found);
  take_adjoint(next_);
  if (++next_ == static_cast<std::int64_t>(slots_.size())) {
    next_ = 0;
    ++passes_;
    if (sum_ != nullptr) sum_->end_round();
  }
  return true;
}

void MlAdjoint::take_adjoint(std::int64_t s) {
  out_.take_back(s, in_.exchange(s));
  const CallScope call(state_, Call::learn);
  state_.step(in_.step(s));
  state_.chunk(route_.chunks[s]);
  Slot& slot = slots_[s];
  EKMAN_ASSERT(slot.depth > 0);
  const bool retain = in_.turn(s).retain != 0;
  const std::int64_t first = s * spec_.rows_per_chunk();
  const WorkTimer timer(state_.profile(), Stage::backward);
  tape_.backward(s, route_.adjoint_in.buffers + first * route_.adjoint_in.row_bytes,
                 route_.adjoint_out.buffers + first * route_.adjoint_out.row_bytes, route_.rows_of(spec_, s), retain);
  out_.done(s, in_.exchange(s), in_.step(s), 0, nullptr);
  in_.release(s);
  ++slot.turn;
  if (!retain && --slot.depth == 0) ++slot.emptied;
  if (sum_ != nullptr) sum_->add(route_.chunks[s]);
}

// Adjoints may come in a later step than their exchanges, of which there is one in each step. The last of these is one
// that was learned from: else the tape would not be empty.
void MlAdjoint::make_step() {
  sum_->add_up();
  const StageTimer timer(state_.profile(), Stage::step);
  const StepReport report = learner_->step();
  ++windows_;
  const auto last = static_cast<std::int64_t>(slots_.size()) - 1;
  record_->add(report, {std::max(in_.step(last), slots_[last].step), slots_[last].step - 1,
                        passes_ * (route_.points / spec_.rows_per_sample())});
  passes_ = 0;
}

}  // namespace ekman
