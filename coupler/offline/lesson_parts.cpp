// Implements lesson_parts.hpp.
#include "coupler/offline/lesson_parts.hpp"

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {

LessonParts::LessonParts(const Recordings& recordings, const NetworkSpec& spec)
    : recordings_(recordings), split_(spec.training.offline.split, recordings.steps()) {
  const std::vector<RecordedLesson>& lessons = recordings.lessons();
  for (std::size_t i = 0; i < lessons.size(); ++i) {
    std::int64_t learn = 0, validate = 0;
    const std::int64_t like = by_time() ? lessons[i].rows : 1;  // rows that are of the part of the first
    for (std::int64_t row = 0; row < lessons[i].rows; row += like) {
      const SplitPart part = of(lessons[i], row);
      learn += part == SplitPart::train ? like : 0;
      validate += part == SplitPart::validation ? like : 0;
    }
    training_rows_.push_back(learn);
    validation_rows_.push_back(validate);
    if (learn > 0) training_.push_back(static_cast<std::int64_t>(i));
    if (validate > 0) validation_.push_back(static_cast<std::int64_t>(i));
  }
  if (!training_.empty()) return;
  throw Error(ErrorCode::plan,
              fmt::format("the split of {} recorded chunks at {} times leaves nothing for network \"{}\" "
                          "to learn from; record more, or take smaller blocks and gaps",
                          lessons.size(), recordings.steps().size(), spec.name));
}

}  // namespace ekman
