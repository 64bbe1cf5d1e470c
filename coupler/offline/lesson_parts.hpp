// The lessons of all recordings in the parts of the plan's split: those that are learned from, and those that validate.
#pragma once

#include <cstdint>
#include <vector>

#include "coupler/offline/data_split.hpp"
#include "coupler/offline/recordings.hpp"

namespace ekman {

class LessonParts {
 public:
  // `recordings` must outlive it. Throws Error(plan) if the split leaves nothing to learn from.
  LessonParts(const Recordings& recordings, const NetworkSpec& spec);

  // Places in recordings.lessons() of lessons that have a row of `part`, which is train or validation.
  const std::vector<std::int64_t>& lessons(SplitPart part) const {
    return part == SplitPart::train ? training_ : validation_;
  }
  // Rows of lesson number `lesson` that are in it.
  std::int64_t rows(std::int64_t lesson, SplitPart part) const {
    return (part == SplitPart::train ? training_rows_ : validation_rows_)[static_cast<std::size_t>(lesson)];
  }
  bool by_time() const { return split_.by_time(); }
  SplitPart of(const RecordedLesson& lesson, std::int64_t row) const {
    return split_.of(lesson.step, recordings_.ids(lesson)[row]);
  }

 private:
  const Recordings& recordings_;
  DataSplit split_;
  std::vector<std::int64_t> training_, validation_;
  std::vector<std::int64_t> training_rows_, validation_rows_;  // by lesson
};

}  // namespace ekman
