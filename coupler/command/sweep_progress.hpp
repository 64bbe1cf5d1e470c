// How far a study is: a live line with the time that is left on a terminal, a line for each run everywhere.
#pragma once

#include <string>

#include "coupler/command/sweep_points.hpp"
#include "coupler/study/run_state.hpp"

namespace ekman {

class SweepProgress {
 public:
  // `done`: runs that need not be made again.
  SweepProgress(const Sweep& sweep, std::size_t all, std::size_t done);
  ~SweepProgress();
  SweepProgress(const SweepProgress&) = delete;
  SweepProgress& operator=(const SweepProgress&) = delete;

  // Tells what came of a run.
  void add(const SweepRun& run, const RunOutcome& outcome, double seconds_per_step);
  // Runs that are not made since their point has failed.
  void leave_out(std::size_t runs);
  void show(const std::string& now);  // the live line

 private:
  std::string words_of(const SweepRun& run) const;

  const Sweep& sweep_;
  std::size_t all_, done_;
  std::size_t made_ = 0;  // here
  double start_;
  double last_end_ = 0.0;  // of a run
};

}  // namespace ekman
