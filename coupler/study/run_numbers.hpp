// What a study keeps of one run: numbers from its profile, and from the logs of networks that learned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

// By name, in the order of the table; a number that a run has not is left out, or no number.
using RunNumbers = std::vector<std::pair<std::string, double>>;

inline constexpr const char* k_seconds_per_step = "seconds_per_step";

// Seconds are means over ranks: per step of `component`, or of the first one of the plan if that is empty, and per
// exchange of the ML ranks. Of several components each has its seconds per step and its share of waiting besides.
RunNumbers numbers_of(const RunProfile& run, const std::string& component);

// The row with the least validation loss, and the last row, of a log as TrainingLog writes it.
struct LearningNumbers {
  std::int64_t steps = 0;
  double last_loss = 0.0;             // no number where the log has none
  double best_validation_loss = 0.0;  // likewise
  std::int64_t best_step = 0;
};

// Nothing if the file is not there, or has no row that is whole.
std::optional<LearningNumbers> read_learning(const std::string& csv);

// Of numbers that are some; no number if none is.
double median(std::vector<double> values);
double mean(const std::vector<double>& values);
double deviation(const std::vector<double>& values);  // standard, of a sample; no number of less than two

}  // namespace ekman
