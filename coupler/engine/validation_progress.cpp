// Implements validation_progress.hpp.
#include "coupler/engine/validation_progress.hpp"

#include <cmath>

namespace ekman {

void ValidationProgress::add(const std::vector<double>& step_sums, const TrainingSpec& training, StepReport& report) {
  sums.resize(step_sums.size(), 0.0);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += step_sums[i];
  if (++steps < training.validation.every || sums.empty() || sums[0] == 0.0) return;
  double loss = 0.0;
  for (std::size_t t = 0; t < training.loss.size(); ++t) loss += training.loss[t].weight * sums[1 + t] / sums[0];
  if (!std::isfinite(loss)) loss = std::numeric_limits<double>::infinity();
  steps = 0;
  sums.assign(sums.size(), 0.0);
  report.validation_loss = loss;
  report.best = loss < best;
  if (report.best) {
    best = loss;
    without_progress = 0;
  } else {
    ++without_progress;
  }
  go_on(training);
  report.stopped = stopped;
}

void ValidationProgress::go_on(const TrainingSpec& training) {
  stopped = training.patience > 0 && without_progress >= training.patience;
}

}  // namespace ekman
