// What a network's learning looks like from outside, on its first ML rank: a table as text, a row for each optimizer
// step, and a live line where stderr is a terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coupler/engine/learner.hpp"

namespace ekman {

struct TrainingLogSetting {
  std::string network;
  std::string csv;                 // file; empty: none
  std::vector<std::string> terms;  // of the loss, as columns
  bool has_loss = true;            // false: it is in the component, and not known here
  bool has_scale = false;          // a column with the scale of the loss, in float16
  StepClock clock;                 // of the component
  std::int64_t first_step = 0;     // that learning goes on from; 0: afresh
  std::int64_t last_step = 0;      // of the schedule; 0: it has none
};

// Of a network of `plan`; the file lies below output.directory.
TrainingLogSetting training_log_setting(const Plan& plan, const NetworkSpec& spec, std::int64_t first_step);

// Where a step was made.
struct TrainingMoment {
  std::int64_t model_step = 0;  // of the component, from 1
  std::int64_t exchange = 0;    // from 0
  std::int64_t samples = 0;     // learned from since the last step, all ML ranks together
};

// Seconds of a clock that never goes back.
double steady_seconds();

// A time left, "2:03:04"; "-" for ages.
std::string duration_text(double seconds);

// The table is RFC 4180. A run that goes on from a step drops the rows behind it, so that the file is that of a run
// without a break, but for samples per second. Trouble with the disk while it runs is told once and ends nothing: rows
// that find no room are left out.
class TrainingLog {
 public:
  // Opens the table and writes its header. Throws Error(internal) if that cannot be done, Error(plan) if the file that
  // learning goes on from has other columns.
  explicit TrainingLog(TrainingLogSetting setting, std::function<double()> seconds = steady_seconds);
  TrainingLog(const TrainingLog&) = delete;
  TrainingLog& operator=(const TrainingLog&) = delete;
  ~TrainingLog();

  // After every step; one that was not made has no row, but a warning if its loss or gradient was no number (the first,
  // second, fourth, eighth ...), or a line if its gradient was too large for float16.
  void add(const StepReport& report, const TrainingMoment& moment);

 private:
  void open();
  void append(const std::string& row);
  void warn_of_bad_step(const StepReport& report, const TrainingMoment& moment);
  void tell_of_overflow(const StepReport& report, const TrainingMoment& moment);
  void show(const StepReport& report, double now);

  TrainingLogSetting setting_;
  std::function<double()> seconds_;
  int file_ = -1;
  std::int64_t end_ = 0;  // of the last whole row
  bool warned_ = false;
  std::int64_t bad_steps_ = 0;
  std::int64_t overflows_ = 0;
  double start_;              // of this log
  double last_row_;           // seconds at the last row
  double last_shown_ = -1.0;  // at the last live line; -1: none yet
  std::int64_t samples_shown_ = 0;
  bool live_;
};

}  // namespace ekman
