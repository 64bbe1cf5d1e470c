// What is kept of a network's learning after each optimizer step: a log, checkpoints, and a proof that all ranks have
// learned the same.
#pragma once

#include <cstdint>
#include <memory>

#include "coupler/engine/checkpoint_store.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/training_log.hpp"

namespace ekman {

class LearningRecord {
 public:
  // `log` and `checkpoints` are null on all ranks of the network but the first that owns chunks; checkpoints too if the
  // plan asks for none. All must outlive it.
  LearningRecord(const Route& route, const NetworkSpec& spec, Learner& learner, std::unique_ptr<TrainingLog> log,
                 std::unique_ptr<CheckpointStore> checkpoints);

  // After each step, on every learner. Throws Error: a checkpoint that cannot be written, or ranks that differ.
  void add(const StepReport& report, const TrainingMoment& moment);
  // At the end of the run: what was learned since the last checkpoint is kept too.
  void finish();

 private:
  void verify(std::int64_t step) const;

  const Route& route_;
  const NetworkSpec& spec_;
  Learner& learner_;
  std::unique_ptr<TrainingLog> log_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::int64_t kept_;  // step of the last checkpoint
};

}  // namespace ekman
