// What is kept of a network's learning after each optimizer step: a log, checkpoints, and a proof that all ranks have
// learned the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "coupler/engine/checkpoint_store.hpp"
#include "coupler/session/background_checkpoints.hpp"
#include "coupler/session/learning_summary.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"
#include "coupler/session/training_log.hpp"

namespace ekman {

// Opens log and checkpoints for learning that goes on from an optimizer step; empty where none are kept.
struct LearningFiles {
  std::function<std::unique_ptr<TrainingLog>(std::int64_t step)> log;
  std::function<std::unique_ptr<CheckpointStore>(std::int64_t step)> checkpoints;
};

class LearningRecord {
 public:
  // `files` are empty on all ranks of the network but the first that owns chunks. All must outlive it.
  LearningRecord(const Communicator& learners, const NetworkSpec& spec, Learner& learner, LearningFiles files,
                 StateWriter& state);

  // When the learner is what it goes on from. Throws Error: files that cannot be made.
  void begin();
  // After each step, on every learner. Checkpoints are copied, and written in the background. Throws Error: ranks that
  // differ, or an earlier checkpoint that could not be written.
  void add(const StepReport& report, const TrainingMoment& moment);
  // At the end of the run: what was learned since the last checkpoint is kept too, and all are on disk.
  void finish();

 private:
  void verify(std::int64_t step) const;

  const Communicator& learners_;
  const NetworkSpec& spec_;
  Learner& learner_;
  LearningFiles files_;
  StateWriter& state_;
  std::unique_ptr<TrainingLog> log_;
  std::unique_ptr<LearningSummary> summary_;  // where there is a log
  std::unique_ptr<BackgroundCheckpoints> checkpoints_;
  std::int64_t kept_ = 0;  // step of the last checkpoint
};

}  // namespace ekman
