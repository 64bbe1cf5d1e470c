// Implements learning_record.hpp.
#include "coupler/session/learning_record.hpp"

#include <fmt/format.h>

#include <cstring>

#include "ekman/error.hpp"

namespace ekman {

LearningRecord::LearningRecord(const Route& route, const NetworkSpec& spec, Learner& learner,
                               std::unique_ptr<TrainingLog> log, std::unique_ptr<CheckpointStore> checkpoints)
    : route_(route),
      spec_(spec),
      learner_(learner),
      log_(std::move(log)),
      checkpoints_(std::move(checkpoints)),
      kept_(learner.last().step) {}

void LearningRecord::add(const StepReport& report, const TrainingMoment& moment) {
  if (spec_.training.verify) verify(report.step);
  if (log_ != nullptr) log_->add(report, moment);
  if (checkpoints_ == nullptr || !report.made) return;
  if (report.best) checkpoints_->write_best(learner_);
  if (report.step % spec_.training.checkpoint.every != 0) return;
  checkpoints_->write(learner_, report.step);
  kept_ = report.step;
}

void LearningRecord::finish() {
  const std::int64_t step = learner_.last().step;
  if (checkpoints_ == nullptr || step <= kept_) return;
  checkpoints_->write(learner_, step);
  kept_ = step;
}

void LearningRecord::verify(std::int64_t step) const {
  const std::uint64_t mine = learner_.fingerprint();
  std::int64_t bits = 0;
  std::memcpy(&bits, &mine, sizeof bits);
  if (route_.learners.min(bits) == route_.learners.max(bits)) return;
  throw Error(ErrorCode::internal,
              fmt::format("the ML ranks of network \"{}\" hold different parameters after optimizer step {} (checksum "
                          "{:016x} on rank {} of those that own chunks); use ML ranks on equal nodes with the same "
                          "LibTorch, BLAS and threads, and report it if they are",
                          spec_.name, step, mine, route_.learners.rank()));
}

}  // namespace ekman
