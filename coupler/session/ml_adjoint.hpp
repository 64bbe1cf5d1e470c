// How an ML rank serves a network with a tape: exchanges and passes of adjoints take turns as the component calls them,
// and when `accumulate` tapes are emptied, a network that learns makes a step.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coupler/engine/learner.hpp"
#include "coupler/engine/tape.hpp"
#include "coupler/session/gradient_sum.hpp"
#include "coupler/session/learning_record.hpp"
#include "coupler/session/row_inbox.hpp"
#include "coupler/session/row_outbox.hpp"

namespace ekman {

class MlAdjoint {
 public:
  // All must outlive it. `learner` and `record`: null if parameters do not learn.
  MlAdjoint(Route& route, const NetworkSpec& spec, Tape& tape, Learner* learner, LearningRecord* record,
            bool shared_cores, StateWriter& state, const StepClock& clock);

  // Takes in adjoints that have come; true if any have.
  bool poll() { return in_.poll(whole_); }
  // Whether the exchange of `slot` may run: it is its turn, and no step is due that comes first. Drops gradients and
  // tape if the turn asks for it.
  bool may_run(std::int64_t slot, const Turn& turn);
  // Runs the exchange of model step `step`, and keeps its graph.
  void forward(std::int64_t slot, std::int64_t step, const std::byte* in, std::byte* out, std::int64_t rows);
  // Takes the adjoint of one chunk, or makes a step together with the other ranks; false if nothing can be done now.
  bool work();
  // All ranks of the component have finalized, and no step is due.
  bool is_over() const { return in_.ended() && whole_.empty() && !step_is_due(); }
  // All has come and is done, up to turn `turns` of the component.
  bool is_done(std::int64_t turns) const;
  // Drops gradients and tape, when all is done.
  void drop();
  // For restart sets, with a learner, when all is done and the tape is empty; and the same put back before the first
  // turn, behind model step `step`; a step may be due at once, if `accumulate` is less than it was.
  LearningParts parts() const;
  void go_on(const LearningParts& parts, std::int64_t step);
  void add_progress(std::vector<RowInbox::Progress>& all) const { in_.add_progress(all); }
  // Waits until all has left.
  void finish() { out_.finish(); }

 private:
  struct Slot {
    std::int64_t turn = 0;     // the last one
    std::int64_t step = 0;     // of its last exchange
    std::int64_t depth = 0;    // of its tape
    std::int64_t emptied = 0;  // how often its tape was
  };

  bool step_is_due() const;
  bool may_take(std::int64_t slot, const Turn& turn);
  void take_adjoint(std::int64_t slot);
  void make_step();

  Route& route_;
  const NetworkSpec& spec_;
  Tape& tape_;
  Learner* learner_;
  LearningRecord* record_;
  StateWriter& state_;
  RowInbox in_;
  RowOutbox out_;
  std::unique_ptr<GradientSum> sum_;  // null without a learner
  std::vector<Slot> slots_;
  std::vector<std::int64_t> whole_;  // slots whose adjoints are there
  std::int64_t passes_ = 0;          // since the last step
  std::int64_t next_ = 0;            // slot whose adjoint is taken next: always in this order, see MlTraining
  std::int64_t windows_ = 0;         // of `accumulate` emptied tapes, that are over
  std::int64_t zeroed_ = 0;          // the turn before which gradients were dropped last
};

}  // namespace ekman
