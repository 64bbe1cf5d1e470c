// Implements sweep_progress.hpp.
#include "coupler/command/sweep_progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "coupler/base/log.hpp"
#include "coupler/session/training_log.hpp"

namespace ekman {

SweepProgress::SweepProgress(const Sweep& sweep, std::size_t all, std::size_t done)
    : sweep_(sweep), all_(all), done_(done), start_(steady_seconds()) {}

SweepProgress::~SweepProgress() { live_line(""); }

std::string SweepProgress::words_of(const SweepRun& run) const {
  const std::string& words = sweep_.points[run.point].words;
  return words + (sweep_.study.repeats > 1 ? fmt::format("; repeat {}", run.repeat) : "");
}

void SweepProgress::add(const SweepRun& run, const RunOutcome& outcome, double seconds_per_step) {
  ++done_;
  ++made_;
  last_end_ = steady_seconds();
  std::string line = fmt::format("run {} of {} ({}): ", done_, all_, words_of(run));
  if (outcome.status == RunStatus::done) {
    if (!std::isnan(seconds_per_step)) line += fmt::format("{:.4g} s a step, ", seconds_per_step);
    line += fmt::format("{:.1f} s", outcome.seconds);
  } else {
    line += word_of(outcome.status);
    if (outcome.status == RunStatus::failed && outcome.exit_status != 0)
      line += fmt::format(" with exit status {}", outcome.exit_status);
    line += fmt::format(": {}; see {}/{}", outcome.said, run.folder, k_log_file);
  }
  log_line(line);
}

void SweepProgress::leave_out(std::size_t runs) { all_ -= runs; }

void SweepProgress::show(const std::string& now) {
  std::string text = fmt::format("{} of {} runs", done_, all_);
  if (!now.empty()) text += ", now " + now;
  if (made_ > 0 && all_ > done_) {
    const double each = (last_end_ - start_) / static_cast<double>(made_);
    const double left = each * static_cast<double>(all_ - done_) - (steady_seconds() - last_end_);
    text += fmt::format(", {} left", duration_text(std::max(left, 0.0)));
  }
  live_line(text + " " + progress_bar(static_cast<std::int64_t>(done_), static_cast<std::int64_t>(all_)));
}

}  // namespace ekman
