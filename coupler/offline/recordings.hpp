// All recordings of a run, or of several, as one list of lessons, from which they are read one by one: data may be
// larger than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coupler/engine/network_library.hpp"
#include "coupler/recording/recording.hpp"

namespace ekman {

// A recorded chunk, or a piece of one if the plan's chunks are smaller.
struct RecordedLesson {
  std::int64_t step = 0;      // of the component
  std::int64_t exchange = 0;  // in the run
  std::int64_t chunk = 0;     // its number there
  std::int32_t run = 0;       // files of one folder are of one run
  std::int64_t first = 0;     // row in the chunk
  std::int64_t rows = 0;
  std::int32_t file = 0;
  std::int32_t record = 0;  // place among those of the file
  std::int32_t place = 0;   // of the chunk in the file
};

// Rows of a lesson as a Learner takes them, with zeros behind them up to a whole chunk of the plan.
struct LessonRows {
  std::vector<std::byte> in, truth;
  std::vector<std::int64_t> ids;  // -1: a pad
};

// A chunk that was recorded at some time; coordinates are empty if there are none.
struct RecordedChunk {
  std::int64_t number = 0;
  std::vector<std::int64_t> ids;
  std::vector<double> longitude, latitude;
};

class Recordings {
 public:
  // The oldest first: of a chunk of a step that two of a folder have, since a run was resumed before it, the later one
  // counts. Other folders are other runs. Throws Error(plan) for files that are not of one kind, or do not have the
  // fields of `spec` (inputs and truth) with levels and units of the plan, if it has some.
  Recordings(std::vector<std::unique_ptr<RecordingReader>> files, const Plan& plan, const NetworkSpec& spec);

  // By step, then run, chunk and row.
  const std::vector<RecordedLesson>& lessons() const { return lessons_; }
  // Folders that the files are in.
  std::int64_t num_runs() const { return num_runs_; }
  // By number.
  std::vector<RecordedChunk> chunks() const;
  // What the first file says of itself; the others are like it, but for their chunks.
  const RecordingHeader& header() const { return files_.front()->header(); }
  // Throws Error(plan) for a field that is not recorded.
  const RecordedField& recorded(const std::string& name) const {
    return header().fields[static_cast<std::size_t>(field(name))];
  }
  // Ascending, each once.
  std::vector<std::int64_t> steps() const;
  // Of the network's rows; levels of outputs are those of the plan, or follow from the recording.
  const LearningRows& layouts() const { return layouts_; }
  // Global ids of the points of a lesson.
  const std::int64_t* ids(const RecordedLesson& lesson) const;
  const std::string& path(const RecordedLesson& lesson) const {
    return files_[static_cast<std::size_t>(lesson.file)]->path();
  }

  void read(const RecordedLesson& lesson, LessonRows& rows) const;
  // Throws Error(plan) for an input or truth that is no finite number, at a row that counts (null: all do) and has a
  // weight.
  void require_numbers(const RecordedLesson& lesson, const LessonRows& rows, const std::uint8_t* counts) const;
  // One field of the lesson that the files have: [rows, levels], of the wire kind.
  void read_field(const RecordedLesson& lesson, const std::string& field, std::vector<std::byte>& values) const;

 private:
  std::int64_t field(const std::string& name) const;
  void require_alike(const RecordingReader& file) const;
  void lay_out(const Plan& plan);
  void list_lessons();
  void read_rows(const RecordedLesson& lesson, const RowLayout& layout, std::vector<std::byte>& rows) const;
  template <class T>
  void require_all(const RecordedLesson& lesson, const LessonRows& rows, const std::uint8_t* counts) const;

  std::vector<std::unique_ptr<RecordingReader>> files_;
  NetworkSpec spec_;
  LearningRows layouts_;
  std::vector<RecordedLesson> lessons_;
  std::int64_t num_runs_ = 0;
};

}  // namespace ekman
