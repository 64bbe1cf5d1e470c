// Predictions beside the truth, written as a recording: one file of each rank, of the chunks that are its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coupler/offline/evaluation.hpp"

namespace ekman {

class PredictionWriter {
 public:
  // Of rank `rank` of `ranks`, which takes every ranks-th chunk. All must outlive it. Throws Error if the file is
  // there, and for recordings of several runs.
  PredictionWriter(const Recordings& recordings, const NetworkSpec& spec, const RecordingStore& store,
                   const std::string& path, int rank, int ranks);

  bool is_mine(const RecordedLesson& lesson) const { return lesson.chunk % ranks_ == rank_; }
  // Lessons by step, as run_part() has them. Rows that do not count are NaN, predictions and truth alike.
  void take(const Evaluated& evaluated);
  // On return the file is whole; nothing is written if this rank has no chunk.
  void finish();

  std::int64_t records() const { return records_; }
  // Steps that were not recorded of all its chunks, and are left out.
  std::int64_t left_out() const { return left_out_; }

 private:
  struct Column {
    const RowLayout* layout;
    FieldSlot slot;
    bool is_output;
    std::vector<std::byte> values;  // of all rows of this rank
  };

  void end_step();

  const Recordings& recordings_;
  Real wire_;
  int rank_, ranks_;
  RecordingHeader header_;
  std::unique_ptr<RecordingWriter> writer_;  // null: no chunk is its own
  std::map<std::int64_t, std::int64_t> places_;
  std::vector<Column> columns_;
  Record record_;
  std::int64_t rows_ = 0;  // of the step, so far
  std::int64_t records_ = 0, left_out_ = 0;
};

}  // namespace ekman
