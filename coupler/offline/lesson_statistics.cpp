// Implements lesson_statistics.hpp.
#include "coupler/offline/lesson_statistics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "coupler/engine/row_values.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// Lessons are dealt to so many sums, and these to the ranks: which lessons a sum has does not depend on the ranks.
constexpr std::int64_t k_strips = 64;

std::string bytes_of(const LessonStatistics& statistics) {
  std::string bytes(reinterpret_cast<const char*>(&statistics.count), sizeof statistics.count);
  return bytes.append(reinterpret_cast<const char*>(statistics.values.data()),
                      statistics.values.size() * sizeof(ValueMoments));
}

LessonStatistics statistics_of(const char* bytes, std::size_t values) {
  LessonStatistics statistics;
  statistics.values.resize(values);
  std::memcpy(&statistics.count, bytes, sizeof statistics.count);
  std::memcpy(statistics.values.data(), bytes + sizeof statistics.count, values * sizeof(ValueMoments));
  return statistics;
}

}  // namespace

void LessonStatistics::add(const std::vector<double>& row) {
  values.resize(row.size());
  count += 1.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double apart = row[i] - values[i].mean;
    values[i].mean += apart / count;
    values[i].squares += apart * (row[i] - values[i].mean);
  }
}

void LessonStatistics::add(const LessonStatistics& other) {
  if (other.count == 0.0) return;
  values.resize(other.values.size());
  const double sum = count + other.count;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double apart = other.values[i].mean - values[i].mean;
    values[i].mean += apart * (other.count / sum);
    values[i].squares += other.values[i].squares + apart * apart * (count * other.count / sum);
  }
  count = sum;
}

LessonStatistics lesson_statistics(const Recordings& recordings, const LessonParts& parts, const NetworkSpec& spec,
                                   const Communicator& ranks) {
  const LearningRows& layouts = recordings.layouts();
  const std::int64_t of_input = layouts.in.row_len(), of_truth = layouts.truth.row_len();
  const auto length = static_cast<std::size_t>(of_input + of_truth);
  const FieldSlot* const weights = find_slot(layouts.truth, spec.training.weights);
  std::vector<LessonStatistics> strips(k_strips);
  for (LessonStatistics& strip : strips) strip.values.resize(length);
  const std::vector<std::int64_t>& lessons = parts.lessons(SplitPart::train);
  LessonRows rows;
  std::vector<double> row_values(length);
  std::vector<std::uint8_t> counts;
  for (std::size_t i = 0; i < lessons.size(); ++i) {
    const auto strip = static_cast<std::int64_t>(i) % k_strips;
    if (strip % ranks.size() != ranks.rank()) continue;
    const RecordedLesson& lesson = recordings.lessons()[static_cast<std::size_t>(lessons[i])];
    recordings.read(lesson, rows);
    counts.clear();
    for (std::int64_t row = 0; row < lesson.rows; ++row)
      counts.push_back(parts.of(lesson, row) == SplitPart::train ? 1 : 0);
    recordings.require_numbers(lesson, rows, counts.data());
    for (std::int64_t row = 0; row < lesson.rows; ++row) {
      const std::byte* const truth = rows.truth.data() + row * of_truth * real_size(spec.wire);
      const std::byte* const in = rows.in.data() + row * of_input * real_size(spec.wire);
      if (weights != nullptr && !(value_at(truth, weights->offset, spec.wire) > 0.0)) continue;
      if (counts[static_cast<std::size_t>(row)] == 0) continue;
      for (std::int64_t at = 0; at < of_input; ++at)
        row_values[static_cast<std::size_t>(at)] = value_at(in, at, spec.wire);
      for (std::int64_t at = 0; at < of_truth; ++at)
        row_values[static_cast<std::size_t>(of_input + at)] = value_at(truth, at, spec.wire);
      strips[static_cast<std::size_t>(strip)].add(row_values);
    }
  }
  std::string mine;
  for (const LessonStatistics& strip : strips) mine += bytes_of(strip);
  const std::vector<std::string> all = ranks.gather(mine, 0, false);
  LessonStatistics total;
  total.values.resize(length);
  const std::size_t bytes = sizeof(double) + length * sizeof(ValueMoments);
  for (std::int64_t strip = 0; strip < k_strips && ranks.rank() == 0; ++strip) {
    const std::string& of_rank = all[static_cast<std::size_t>(strip % ranks.size())];
    total.add(statistics_of(of_rank.data() + static_cast<std::size_t>(strip) * bytes, length));
  }
  std::string sum = bytes_of(total);
  ranks.broadcast(sum, 0);
  return statistics_of(sum.data(), length);
}

void set_statistics(const LessonStatistics& statistics, const RowLayout& in, const NetworkSpec& spec,
                    Learner& learner) {
  LearnedState state = learner.state();
  bool any = false;
  const auto set = [&](const std::string& name, const std::vector<double>& values) {
    for (NamedArray& array : state.arrays) {
      if (array.name != name || array.bytes.size() != values.size() * sizeof(double)) continue;
      std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
      any = true;
    }
  };
  for (const FieldSlot& field : in.fields) {
    const auto given = spec.normalize.find(field.name);
    if (given == spec.normalize.end() || !given->second.running) continue;
    std::vector<double> mean, squares;
    for (std::int64_t at = field.offset; at < field.offset + field.levels; ++at) {
      mean.push_back(statistics.values[static_cast<std::size_t>(at)].mean);
      squares.push_back(statistics.values[static_cast<std::size_t>(at)].squares);
    }
    set("normalization/" + field.name + "/mean", mean);
    set("normalization/" + field.name + "/squares", squares);
  }
  if (!any) return;
  set("normalization/count", {statistics.count});
  learner.restore(state);
}

std::vector<FieldStatistics> field_statistics(const LessonStatistics& statistics, const Recordings& recordings,
                                              const NetworkSpec& spec,
                                              const std::function<bool(const Normalization&)>& wanted) {
  const LearningRows& layouts = recordings.layouts();
  std::vector<FieldStatistics> fields;
  for (const auto& [name, normalization] : spec.normalize) {
    if (!wanted(normalization)) continue;
    const FieldSlot* slot = find_slot(layouts.in, name);
    std::int64_t first = slot == nullptr ? layouts.in.row_len() : 0;
    if (slot == nullptr) {
      const auto target = spec.training.targets.find(name);
      if (target != spec.training.targets.end()) slot = find_slot(layouts.truth, target->second);
    }
    if (slot == nullptr)
      throw Error(ErrorCode::plan,
                  fmt::format("network \"{}\": nothing is recorded that says what mean and std \"{}\" has, which is an "
                              "output without a target; give it a target, or mean and std in the plan",
                              spec.name, name));
    FieldStatistics field;
    field.field = name;
    field.units = recordings.recorded(slot->name).units;
    field.points = static_cast<std::int64_t>(statistics.count);
    first += slot->offset;
    for (std::int64_t at = first; at < first + slot->levels; ++at) {
      const ValueMoments& value = statistics.values[static_cast<std::size_t>(at)];
      const double spread = std::sqrt(value.squares / statistics.count);
      field.mean.push_back(value.mean);
      field.std.push_back(spread > 0.0 ? spread : 1.0);
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace ekman
