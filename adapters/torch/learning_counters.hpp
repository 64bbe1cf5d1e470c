// What a learner counts, besides tensors, as arrays of a learned state.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/engine/learner.hpp"
#include "coupler/engine/validation_progress.hpp"

namespace ekman {

struct LearningCounters {
  std::int64_t steps = 0;
  std::int64_t bad_steps = 0;  // in a row
  ValidationProgress validation;
  StepReport last;

  // Throws Error(network) if there are more in a row than the plan allows. `has_loss`: learned from targets.
  void count_bad_step(const std::string& network, const TrainingSpec& training, bool has_loss);

  // Names all of it, for writing and for reading.
  template <class Archive>
  void visit(Archive& archive) {
    archive("learning/steps", steps);
    archive("learning/bad_steps", bad_steps);
    archive("validation/sums", validation.sums);
    archive("validation/steps", validation.steps);
    archive("validation/best", validation.best);
    archive("validation/without_progress", validation.without_progress);
    archive("validation/stopped", validation.stopped);
    archive("last/step", last.step);
    archive("last/exchanges", last.exchanges);
    archive("last/loss", last.loss);
    archive("last/terms", last.terms);
    archive("last/validation_loss", last.validation_loss);
    archive("last/known_validation_loss", last.known_validation_loss);
    archive("last/learning_rate", last.learning_rate);
    archive("last/gradient_norm", last.gradient_norm);
    archive("last/weight", last.weight);
    archive("last/skipped", last.skipped);
    archive("last/made", last.made);
    archive("last/best", last.best);
    archive("last/stopped", last.stopped);
  }
};

}  // namespace ekman
