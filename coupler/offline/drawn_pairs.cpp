// Implements drawn_pairs.hpp.
#include "coupler/offline/drawn_pairs.hpp"

#include <algorithm>
#include <cstring>

#include "coupler/base/bytes.hpp"
#include "coupler/base/mix64.hpp"
#include "coupler/engine/row_values.hpp"

namespace ekman {

namespace {

bool is_less(const DrawnPair& a, const DrawnPair& b) { return a.draw < b.draw; }

}  // namespace

void DrawnPairs::add(std::size_t field, const DrawnPair& pair) {
  std::vector<DrawnPair>& heap = pairs_[field];
  if (heap.size() == most_) {
    if (pair.draw >= heap.front().draw) return;
    std::pop_heap(heap.begin(), heap.end(), &is_less);
    heap.pop_back();
  }
  heap.push_back(pair);
  std::push_heap(heap.begin(), heap.end(), &is_less);
}

void DrawnPairs::add(const Evaluated& evaluated, const Recordings& recordings, const NetworkSpec& spec,
                     const std::vector<ComparedField>& fields) {
  const LearningRows& layouts = recordings.layouts();
  const FieldSlot* const weights = find_slot(layouts.truth, spec.training.weights);
  const RecordedLesson& lesson = evaluated.lesson;
  for (std::int64_t row = 0; row < lesson.rows; ++row) {
    if (evaluated.counts[static_cast<std::size_t>(row)] == 0) continue;
    const std::int64_t truth = row * layouts.truth.row_len(), out = row * layouts.out.row_len();
    if (weights != nullptr && !(value_at(evaluated.rows.truth.data(), truth + weights->offset, spec.wire) > 0.0))
      continue;
    const std::int64_t id = evaluated.rows.ids[static_cast<std::size_t>(row)];
    for (std::size_t f = 0; f < fields.size(); ++f) {
      for (std::int64_t level = 0; level < fields[f].output.levels; ++level) {
        const std::uint64_t draw = mix64({lesson.run, lesson.step, id, static_cast<std::int64_t>(f), level});
        if (pairs_[f].size() == most_ && draw >= pairs_[f].front().draw) continue;
        add(f,
            {draw, level + 1, value_at(evaluated.rows.truth.data(), truth + fields[f].target.offset + level, spec.wire),
             value_at(evaluated.outputs.data(), out + fields[f].output.offset + level, spec.wire)});
      }
    }
  }
}

std::string DrawnPairs::bytes() const {
  std::string bytes;
  for (const std::vector<DrawnPair>& heap : pairs_) {
    const std::uint64_t count = heap.size();
    bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
    bytes.append(reinterpret_cast<const char*>(heap.data()), heap.size() * sizeof(DrawnPair));
  }
  return bytes;
}

void DrawnPairs::add_bytes(const std::string& bytes) {
  const auto* from = reinterpret_cast<const std::byte*>(bytes.data());
  for (std::size_t field = 0; field < pairs_.size(); ++field) {
    const auto count = load<std::uint64_t>(from);
    from += sizeof count;
    for (std::uint64_t i = 0; i < count; ++i, from += sizeof(DrawnPair)) add(field, load<DrawnPair>(from));
  }
}

std::vector<DrawnPair> DrawnPairs::of(std::size_t field) const {
  std::vector<DrawnPair> sorted = pairs_[field];
  std::sort(sorted.begin(), sorted.end(), &is_less);
  return sorted;
}

}  // namespace ekman
