// `normalize: {field: running}` offline: mean and spread of inputs over all that is learned from, before the first
// step.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coupler/comm/communicator.hpp"
#include "coupler/engine/learner.hpp"
#include "coupler/offline/recordings.hpp"

namespace ekman {

// Of one value of a row, over rows, each alike.
struct InputMoments {
  double mean = 0.0, squares = 0.0;  // squares: sum of squared deviations
};

struct InputStatistics {
  double count = 0.0;
  std::vector<InputMoments> values;  // of the values of a row

  // `row`: as many numbers as values.
  void add(const std::vector<double>& row);
  // Of both together (Chan, Golub and LeVeque 1983).
  void add(const InputStatistics& other);
};

// Collective. Of the rows of `lessons` that `counts` says count, or that have a weight where it gives none; the same in
// all bits on any number of ranks up to 64. Reads every lesson once.
InputStatistics input_statistics(const Recordings& recordings, const NetworkSpec& spec,
                                 const std::vector<std::int64_t>& lessons,
                                 const std::function<bool(const RecordedLesson&, std::int64_t row)>& counts,
                                 const Communicator& ranks);

// Puts those of running fields into a learner that has made no step, if it has any.
void set_statistics(const InputStatistics& statistics, const RowLayout& in, const NetworkSpec& spec, Learner& learner);

}  // namespace ekman
