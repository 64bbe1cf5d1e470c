// Implements prediction.hpp.
#include "coupler/offline/prediction.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "coupler/base/bytes.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

void store_nan(std::byte* to, std::int64_t count, Real wire) {
  for (std::int64_t i = 0; i < count; ++i, to += real_size(wire)) {
    if (wire == Real::float64) {
      store(to, std::numeric_limits<double>::quiet_NaN());
    } else {
      store(to, std::numeric_limits<float>::quiet_NaN());
    }
  }
}

}  // namespace

PredictionWriter::PredictionWriter(const Recordings& recordings, const NetworkSpec& spec, const RecordingStore& store,
                                   const std::string& path, int rank, int ranks)
    : recordings_(recordings), wire_(spec.wire), rank_(rank), ranks_(ranks), header_(recordings.header()) {
  if (recordings.num_runs() > 1)
    throw Error(ErrorCode::usage,
                fmt::format("the recordings are in {} folders, so of as many runs, whose times a file of "
                            "predictions cannot tell apart; predict those of one folder at a time",
                            recordings.num_runs()));
  header_.network = spec.name;
  header_.fields.clear();
  for (const ComparedField& field : compared_fields(recordings, spec)) {
    const RecordedField& target = recordings.recorded(field.target.name);
    header_.fields.push_back({field.output.name, target.levels, target.units});
    header_.fields.push_back(target);
    columns_.push_back({&recordings.layouts().out, field.output, true, {}});
    columns_.push_back({&recordings.layouts().truth, field.target, false, {}});
  }
  header_.chunks.clear();
  header_.ids.clear();
  header_.longitude.clear();
  header_.latitude.clear();
  for (const RecordedChunk& chunk : recordings.chunks()) {
    if (chunk.number % ranks != rank) continue;
    places_[chunk.number] = static_cast<std::int64_t>(header_.chunks.size());
    header_.chunks.push_back(chunk.number);
    header_.ids.insert(header_.ids.end(), chunk.ids.begin(), chunk.ids.end());
    header_.longitude.insert(header_.longitude.end(), chunk.longitude.begin(), chunk.longitude.end());
    header_.latitude.insert(header_.latitude.end(), chunk.latitude.begin(), chunk.latitude.end());
  }
  if (header_.chunks.empty()) return;
  for (Column& column : columns_)
    column.values.resize(header_.ids.size() * static_cast<std::size_t>(column.slot.levels * real_size(wire_)));
  writer_ = store.create(path, header_);
}

void PredictionWriter::take(const Evaluated& evaluated) {
  const RecordedLesson& lesson = evaluated.lesson;
  if (lesson.step != record_.step) {
    end_step();
    record_ = {lesson.step, lesson.exchange};
  }
  const std::int64_t first = header_.first_row(places_.at(lesson.chunk)) + lesson.first;
  for (Column& column : columns_) {
    const std::int64_t bytes = column.slot.levels * real_size(wire_),
                       row_bytes = column.layout->row_len() * real_size(wire_);
    const std::byte* from =
        (column.is_output ? evaluated.outputs : evaluated.rows.truth).data() + column.slot.offset * real_size(wire_);
    for (std::int64_t row = 0; row < lesson.rows; ++row) {
      std::byte* const to = column.values.data() + (first + row) * bytes;
      if (evaluated.counts[static_cast<std::size_t>(row)] != 0) {
        std::memcpy(to, from + row * row_bytes, static_cast<std::size_t>(bytes));
      } else {
        store_nan(to, column.slot.levels, wire_);
      }
    }
  }
  rows_ += lesson.rows;
}

// A step that lacks rows would show those of the step before.
void PredictionWriter::end_step() {
  if (rows_ == 0) return;
  const bool is_whole = rows_ == static_cast<std::int64_t>(header_.ids.size());
  rows_ = 0;
  if (!is_whole) {
    ++left_out_;
    return;
  }
  for (std::size_t field = 0; field < columns_.size(); ++field) {
    const std::int64_t bytes = columns_[field].slot.levels * real_size(wire_);
    for (std::size_t place = 0; place < header_.chunks.size(); ++place) {
      const auto at = static_cast<std::int64_t>(place);
      writer_->write(static_cast<std::int64_t>(field), at,
                     columns_[field].values.data() + header_.first_row(at) * bytes);
    }
  }
  writer_->end_record(record_);
  ++records_;
}

void PredictionWriter::finish() {
  if (writer_ == nullptr) return;
  end_step();
  writer_->finish();
}

}  // namespace ekman
