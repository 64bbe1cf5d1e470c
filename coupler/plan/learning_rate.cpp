// Closed forms, so that a run that resumes needs the number of its step only.
#include <algorithm>
#include <cmath>

#include "coupler/plan/training_spec.hpp"

namespace ekman {
namespace {

constexpr double k_pi = 3.14159265358979323846;

double factor(const ScheduleSpec& schedule, std::int64_t step) {
  const auto passed = static_cast<double>(std::min(step, schedule.steps)) / static_cast<double>(schedule.steps);
  switch (schedule.kind) {
    case ScheduleKind::step:
      return std::pow(schedule.gamma, static_cast<double>(step / schedule.steps));
    case ScheduleKind::exponential:
      return std::pow(schedule.gamma, static_cast<double>(step));
    case ScheduleKind::cosine:
      return schedule.last + (1.0 - schedule.last) * 0.5 * (1.0 + std::cos(k_pi * passed));
    case ScheduleKind::linear:
      return 1.0 + (schedule.last - 1.0) * passed;
    case ScheduleKind::constant:
      break;
  }
  return 1.0;
}

}  // namespace

double learning_rate(double lr, const ScheduleSpec& schedule, std::int64_t step) {
  if (step < schedule.warmup) return lr * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup + 1);
  return lr * factor(schedule, step - schedule.warmup);
}

}  // namespace ekman
