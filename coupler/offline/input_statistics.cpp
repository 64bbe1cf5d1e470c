// Implements input_statistics.hpp.
#include "coupler/offline/input_statistics.hpp"

#include <cstring>

#include "coupler/engine/row_values.hpp"

namespace ekman {

namespace {

// Lessons are dealt to so many sums, and these to the ranks: which lessons a sum has does not depend on the ranks.
constexpr std::int64_t k_strips = 64;

std::string bytes_of(const InputStatistics& statistics) {
  std::string bytes(reinterpret_cast<const char*>(&statistics.count), sizeof statistics.count);
  return bytes.append(reinterpret_cast<const char*>(statistics.values.data()),
                      statistics.values.size() * sizeof(InputMoments));
}

InputStatistics statistics_of(const char* bytes, std::size_t values) {
  InputStatistics statistics;
  statistics.values.resize(values);
  std::memcpy(&statistics.count, bytes, sizeof statistics.count);
  std::memcpy(statistics.values.data(), bytes + sizeof statistics.count, values * sizeof(InputMoments));
  return statistics;
}

}  // namespace

void InputStatistics::add(const std::vector<double>& row) {
  values.resize(row.size());
  count += 1.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double apart = row[i] - values[i].mean;
    values[i].mean += apart / count;
    values[i].squares += apart * (row[i] - values[i].mean);
  }
}

void InputStatistics::add(const InputStatistics& other) {
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

InputStatistics input_statistics(const Recordings& recordings, const NetworkSpec& spec,
                                 const std::vector<std::int64_t>& lessons,
                                 const std::function<bool(const RecordedLesson&, std::int64_t row)>& counts,
                                 const Communicator& ranks) {
  const LearningRows& layouts = recordings.layouts();
  const auto length = static_cast<std::size_t>(layouts.in.row_len());
  const FieldSlot* const weights = find_slot(layouts.truth, spec.training.weights);
  std::vector<InputStatistics> strips(k_strips);
  for (InputStatistics& strip : strips) strip.values.resize(length);
  LessonRows rows;
  std::vector<double> row_values(length);
  for (std::size_t i = 0; i < lessons.size(); ++i) {
    const auto strip = static_cast<std::int64_t>(i) % k_strips;
    if (strip % ranks.size() != ranks.rank()) continue;
    const RecordedLesson& lesson = recordings.lessons()[static_cast<std::size_t>(lessons[i])];
    recordings.read(lesson, rows);
    for (std::int64_t row = 0; row < lesson.rows; ++row) {
      const std::byte* const truth = rows.truth.data() + row * layouts.truth.row_len() * real_size(spec.wire);
      const std::byte* const in = rows.in.data() + row * layouts.in.row_len() * real_size(spec.wire);
      if (weights != nullptr && !(value_at(truth, weights->offset, spec.wire) > 0.0)) continue;
      if (!counts(lesson, row)) continue;
      for (std::size_t at = 0; at < length; ++at)
        row_values[at] = value_at(in, static_cast<std::int64_t>(at), spec.wire);
      strips[static_cast<std::size_t>(strip)].add(row_values);
    }
  }
  std::string mine;
  for (const InputStatistics& strip : strips) mine += bytes_of(strip);
  const std::vector<std::string> all = ranks.gather(mine, 0, false);
  InputStatistics total;
  total.values.resize(length);
  const std::size_t bytes = sizeof(double) + length * sizeof(InputMoments);
  for (std::int64_t strip = 0; strip < k_strips && ranks.rank() == 0; ++strip) {
    const std::string& of_rank = all[static_cast<std::size_t>(strip % ranks.size())];
    total.add(statistics_of(of_rank.data() + static_cast<std::size_t>(strip) * bytes, length));
  }
  std::string sum = bytes_of(total);
  ranks.broadcast(sum, 0);
  return statistics_of(sum.data(), length);
}

void set_statistics(const InputStatistics& statistics, const RowLayout& in, const NetworkSpec& spec, Learner& learner) {
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

}  // namespace ekman
