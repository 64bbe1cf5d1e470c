// Implements learning_record.hpp.
#include "coupler/session/learning_record.hpp"

#include <fmt/format.h>

#include <cstring>

#include "coupler/base/log.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

void say(const std::string& line) {
  if (!line.empty()) log_line(line);
}

}  // namespace

LearningRecord::LearningRecord(const Communicator& learners, const NetworkSpec& spec, Learner& learner,
                               LearningFiles files, StateWriter& state)
    : learners_(learners), spec_(spec), learner_(learner), files_(std::move(files)), state_(state) {}

void LearningRecord::begin() {
  kept_ = learner_.last().step;
  if (files_.log) {
    log_ = files_.log(kept_);
    summary_ = std::make_unique<LearningSummary>(spec_, learner_.last());
  }
  if (files_.checkpoints) checkpoints_ = std::make_unique<BackgroundCheckpoints>(files_.checkpoints(kept_));
}

void LearningRecord::add(const StepReport& report, const TrainingMoment& moment) {
  if (spec_.training.verify) verify(report.step);
  if (log_ != nullptr) {
    log_->add(report, moment);
    say(summary_->add(report));
  }
  if (checkpoints_ == nullptr) return;
  checkpoints_->check();
  if (report.best) learner_.with_best([this] { checkpoints_->write_best(copy_of(learner_)); });
  if (!report.made || report.step % spec_.training.checkpoint.every != 0) return;
  checkpoints_->write(copy_of(learner_));
  kept_ = report.step;
}

void LearningRecord::finish() {
  if (summary_ != nullptr) say(summary_->end());
  if (checkpoints_ == nullptr) return;
  const std::int64_t step = learner_.last().step;
  if (step > kept_) checkpoints_->write(copy_of(learner_));
  kept_ = step;
  checkpoints_->finish();
}

void LearningRecord::verify(std::int64_t step) const {
  const std::uint64_t mine = learner_.fingerprint();
  std::int64_t bits = 0;
  std::memcpy(&bits, &mine, sizeof bits);
  const WaitScope waiting(state_, Call::learning_step);
  if (learners_.min(bits) == learners_.max(bits)) return;
  throw Error(ErrorCode::internal,
              fmt::format("the ML ranks of network \"{}\" hold different parameters after optimizer step {} (checksum "
                          "{:016x} on rank {} of those that own chunks); use ML ranks on equal nodes with the same "
                          "LibTorch, BLAS and threads, and report it if they are",
                          spec_.name, step, mine, learners_.rank()));
}

}  // namespace ekman
