// Implements learning_summary.hpp.
#include "coupler/session/learning_summary.hpp"

#include <fmt/format.h>

#include <cmath>

#include "ekman/error.hpp"

namespace ekman {

LearningSummary::LearningSummary(const NetworkSpec& spec, const StepReport& start)
    : spec_(spec), first_step_(start.step), stopped_(start.stopped), last_(start) {}

std::string LearningSummary::add(const StepReport& report) {
  any_ = true;
  last_ = report;
  skipped_ += report.skipped;
  if (report.overflow)
    ++overflows_;
  else if (!report.made && !report.stopped && (report.weight != 0.0 || spec_.tape > 0))
    ++bad_steps_;
  if (report.best) {
    best_ = report.validation_loss;
    best_step_ = report.step - (report.made ? 1 : 0);
  }
  if (!report.stopped || stopped_) return "";
  stopped_ = true;
  const std::string best =
      std::isfinite(best_) ? fmt::format(", which was {:.4g} after step {}", best_, best_step_) : "";
  return fmt::format(
      "network \"{}\" learns no more: {} validations have not lowered its validation loss{}; it goes on with the "
      "weights of "
      "step {}{}",
      spec_.name, spec_.training.patience, best, report.step,
      spec_.training.checkpoint.directory.empty() ? "" : ", the best ones are in its checkpoint `best`");
}

std::string LearningSummary::end() const {
  const std::int64_t made = last_.step - first_step_;
  if (made == 0 && first_step_ > 0 && stopped_) {
    return fmt::format(
        "warning: network \"{}\" has learned nothing: it had stopped at step {}, after `patience` ({}) validations "
        "without "
        "progress; write a larger `patience`, or `resume: best`",
        spec_.name, first_step_, spec_.training.patience);
  }
  if (made == 0 && overflows_ > 0) {
    return fmt::format(
        "warning: network \"{}\" has made no optimizer step: in {} the gradient was too large for float16, and the "
        "scale "
        "of its loss, {}, still has to fall; take weights nearer to 1, or more exchanges",
        spec_.name, overflows_, last_.loss_scale);
  }
  if (made == 0 && any_) {
    return fmt::format(
        "warning: network \"{}\" has made no optimizer step: no point had a weight and a loss that is a number; see "
        "weights, "
        "targets and `validation`",
        spec_.name);
  }
  if (made == 0) {
    return fmt::format(
        "warning: network \"{}\" has made no optimizer step: the run was shorter than the {} exchanges of one; take a "
        "smaller "
        "`accumulate`, or more exchanges",
        spec_.name, spec_.training.accumulate);
  }
  std::string text = fmt::format("network \"{}\" has made {} optimizer step{}", spec_.name, made, made == 1 ? "" : "s");
  if (first_step_ > 0) text += fmt::format(", and now {}", last_.step);
  if (spec_.tape == 0) text += fmt::format("; loss {:.4g}", last_.loss);
  if (std::isfinite(last_.known_validation_loss))
    text += fmt::format(", validation loss {:.4g}", last_.known_validation_loss);
  if (std::isfinite(best_)) text += fmt::format(" (least {:.4g}, after step {})", best_, best_step_);
  if (bad_steps_ > 0)
    text += fmt::format("; in {} more a loss or gradient was no number, and nothing changed", bad_steps_);
  if (overflows_ > 0)
    text += fmt::format("; in {} more the gradient was too large for float16 (the loss is now scaled by {})",
                        overflows_, last_.loss_scale);
  if (skipped_ > 0.0)
    text += fmt::format("; {:.0f} samples were alone in a tile of a network with batch-norm, and left out", skipped_);
  return text;
}

std::string check_held_out(const NetworkSpec& spec, std::int64_t held_out, std::int64_t points) {
  const ValidationSpec& validation = spec.training.validation;
  if (held_out == points && points > 0) {
    throw Error(ErrorCode::plan,
                fmt::format("network \"{}\" has nothing to learn from: `validation` holds out all of its {} points, in "
                            "blocks of {} global ids; take a smaller `fraction` ({}) or `block`",
                            spec.name, points, validation.block, validation.fraction));
  }
  if (held_out > 0) return "";
  return fmt::format(
      "warning: network \"{}\" has no validation loss: `validation` holds out none of its {} points, in "
      "blocks of {} global ids; take a smaller `block`, or a larger `fraction` ({})",
      spec.name, points, validation.block, validation.fraction);
}

}  // namespace ekman
