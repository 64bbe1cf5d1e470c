// `normalize` offline: mean and spread of inputs and targets over all that is learned from, before the first step.
#pragma once

#include <functional>
#include <vector>

#include "coupler/comm/communicator.hpp"
#include "coupler/engine/learner.hpp"
#include "coupler/offline/lesson_parts.hpp"
#include "coupler/recording/field_statistics.hpp"

namespace ekman {

// Of one value of a row, over rows, each alike.
struct ValueMoments {
  double mean = 0.0, squares = 0.0;  // squares: sum of squared deviations
};

struct LessonStatistics {
  double count = 0.0;
  std::vector<ValueMoments> values;  // of the values of a row of inputs, then of a row of truth

  // `row`: as many numbers as values.
  void add(const std::vector<double>& row);
  // Of both together (Chan, Golub and LeVeque 1983).
  void add(const LessonStatistics& other);
};

// Collective. Of the rows that are learned from, without those of the weight 0; the same in all bits on any
// number of ranks up to 64. Reads every lesson once. Throws Error(plan) for what is no number.
LessonStatistics lesson_statistics(const Recordings& recordings, const LessonParts& parts, const NetworkSpec& spec,
                                   const Communicator& ranks);

// Puts those of running fields into a learner that has made no step, if it has any.
void set_statistics(const LessonStatistics& statistics, const RowLayout& in, const NetworkSpec& spec, Learner& learner);

// Mean and std of the fields under `normalize` that are wanted: of an output those of its target. A value that never
// varies is left in its unit: its std is 1. Throws Error(plan) for an output that has no target.
std::vector<FieldStatistics> field_statistics(const LessonStatistics& statistics, const Recordings& recordings,
                                              const NetworkSpec& spec,
                                              const std::function<bool(const Normalization&)>& wanted);

}  // namespace ekman
