// How the ML ranks of a network learn between forwards: the rows of a chunk are kept until there is time and their
// targets have come, chunks are learned from one by one, and when `accumulate` exchanges are, all ranks add up and make
// the same step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "coupler/engine/delayed_inputs.hpp"
#include "coupler/engine/learner.hpp"
#include "coupler/engine/replay.hpp"
#include "coupler/engine/validation_split.hpp"
#include "coupler/session/gradient_sum.hpp"
#include "coupler/session/learning_record.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// What the headers of outputs say of a network that learns.
LearningStatus status_of(const Learner& learner);

class MlTraining {
 public:
  // All must outlive it. On ranks that own chunks; `state` is this rank's. Exchanges are counted on from those that
  // `learner` has learned from, since dropout, replay and what is held out go by their number.
  MlTraining(const Route& route, const NetworkSpec& spec, Learner& learner, LearningRecord& record, bool shared_cores,
             StateWriter& state);

  // Collective over the learners, before the first exchange. Throws Error(plan) if the validation leaves nothing to
  // learn from.
  void check_validation() const;
  // Whether the next exchange of `slot` may run: its lesson before is learned, and no step is due that comes first.
  bool may_run(std::int64_t slot) const;
  // Keeps `rows`, the inputs of `slot`, whole, of model step `step`.
  void take_inputs(std::int64_t slot, std::int64_t step, const std::byte* rows);
  // The same of targets and weights; the lesson before must be learned.
  bool may_take_truth(std::int64_t slot) const;
  void take_truth(std::int64_t slot, std::int64_t step, const std::byte* rows);

  // Learns from one chunk, or makes a step together with the other ranks; false if nothing can be done now.
  bool work();
  // All that was taken is learned, but for what waits for targets of exchanges to come, and no step is due.
  bool idle() const;

  // For restart sets, when idle.
  LearningParts parts() const;
  // Before the first exchange, behind model step `step`; the learner is restored. A step may be due at once, if
  // `accumulate` is less than it was.
  void go_on(const LearningParts& parts, std::int64_t step);
  // What is kept of a chunk of this rank from one exchange to the next, and the same put back.
  std::vector<NamedArray> memory(std::int64_t chunk) const;
  void remember(std::int64_t chunk, const std::vector<NamedArray>& arrays);

 private:
  struct Kept {
    DelayedInputs past;
    std::vector<std::byte> truth;
    std::int64_t inputs = 0;  // exchanges taken so far
    std::int64_t truths = 0;
    std::int64_t truth_step = 0;  // model step of the truth
  };

  std::int64_t done(std::int64_t slot) const { return exchanges_ + (slot < next_ ? 1 : 0); }
  // Of so many exchanges those whose targets belong to inputs: with a delay not the first ones.
  std::int64_t lessons(std::int64_t exchanges) const;
  std::int64_t slot_of(std::int64_t chunk) const;
  bool step_is_due() const { return lessons(exchanges_) - window_ >= spec_.training.accumulate; }
  bool exchange_is_whole() const;
  void begin_at(std::int64_t exchanges, std::int64_t first);
  void learn(std::int64_t slot);
  void learn_again(const Lesson& lesson);
  void make_step();

  const Route& route_;
  const NetworkSpec& spec_;
  Learner& learner_;
  StateWriter& state_;
  GradientSum sum_;
  LearningRecord& record_;
  ValidationSplit split_;
  std::unique_ptr<Replay> replay_;    // null: nothing is learned again
  std::vector<std::uint8_t> learns_;  // by row of a chunk, for the replay
  std::vector<Kept> kept_;            // by slot
  std::int64_t exchanges_ = 0;        // done: what their targets teach is learned, all slots
  std::int64_t next_ = 0;    // slot to learn from: always in the same order, or bits would depend on the weather
  std::int64_t first_ = 0;   // lesson that this run may begin with: with a delay no inputs wait for earlier ones
  std::int64_t window_ = 0;  // the lesson with which the `accumulate` of the next step begin
};

}  // namespace ekman
