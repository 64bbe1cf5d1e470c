// Implements lesson_parts.hpp.
#include "coupler/offline/lesson_parts.hpp"

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {

LessonParts::LessonParts(const Recordings& recordings, const NetworkSpec& spec)
    : recordings_(recordings), split_(spec.training.offline.split, recordings.steps()) {
  const std::vector<RecordedLesson>& lessons = recordings.lessons();
  for (std::size_t i = 0; i < lessons.size(); ++i) {
    bool learns = false, validates = false;
    for (std::int64_t row = 0; row < (by_time() ? 1 : lessons[i].rows); ++row) {
      learns = learns || of(lessons[i], row) == Part::train;
      validates = validates || of(lessons[i], row) == Part::validation;
    }
    if (learns) training_.push_back(static_cast<std::int64_t>(i));
    if (validates) validation_.push_back(static_cast<std::int64_t>(i));
  }
  if (!training_.empty()) return;
  throw Error(ErrorCode::plan,
              fmt::format("the split of {} recorded chunks at {} times leaves nothing for network \"{}\" "
                          "to learn from; record more, or take smaller blocks and gaps",
                          lessons.size(), recordings.steps().size(), spec.name));
}

}  // namespace ekman
