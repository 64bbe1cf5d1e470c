// A network learns from recordings with what learns online too: a batch of recorded chunks is an exchange with a step
// of the optimizer, whose places are dealt to the ranks in turn. What is learned depends on the plan and the
// recordings, never on the ranks but for rounding (with `reproducible: bfb` not even that).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coupler/offline/lesson_parts.hpp"
#include "coupler/session/gradient_sum.hpp"
#include "coupler/session/learning_record.hpp"

namespace ekman {

// `spec` as a learner takes it that is fed from recordings: what belongs to a running model is off (delay, replay,
// accumulation over exchanges), and points are held out by the split. Checkpoints are always written: into
// `checkpoints` without a directory of its own, with `every` 0 then.
NetworkSpec offline_spec(const NetworkSpec& spec);

// After an epoch, or what of it was left.
struct EpochReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t step = 0;
  double loss = 0.0;             // mean over its batches
  double validation_loss = 0.0;  // at its begin; NaN without validation
  double samples_per_second = 0.0;
  double seconds_left = 0.0;
  bool stopped = false;  // by patience
};

class OfflineTraining {
 public:
  // All must outlive it; `spec` is one of offline_spec, and `learner` is what it goes on from.
  OfflineTraining(const Recordings& recordings, const LessonParts& parts, const NetworkSpec& spec, Learner& learner,
                  LearningFiles files, const Communicator& ranks, StateWriter& state);

  std::int64_t steps_per_epoch() const;

  // Collective over the ranks. Learns for the epochs that are left, or until patience is over; `tell` is called after
  // each, on every rank.
  void run(const std::function<void(const EpochReport&)>& tell);

 private:
  std::vector<std::int64_t> order_of(std::int64_t epoch) const;
  std::int64_t add_round(const std::vector<std::int64_t>& lessons, std::int64_t first, SplitPart part);
  StepReport make_step(std::int64_t step_of_model, std::int64_t samples);
  void validate();

  const Recordings& recordings_;
  const LessonParts& parts_;
  const NetworkSpec& spec_;
  const OfflineSpec& offline_;
  Learner& learner_;
  const Communicator& ranks_;
  GradientSum sum_;
  LearningRecord record_;
  std::int64_t exchange_ = 0;  // batches learned from, in all epochs
  LessonRows rows_;
  std::vector<std::uint8_t> counts_;
};

}  // namespace ekman
