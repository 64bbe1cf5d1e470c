// Implements evaluation.hpp.
#include "coupler/offline/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "coupler/engine/row_values.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

double value_of(const std::vector<std::byte>& rows, const RowLayout& layout, std::int64_t row, std::int64_t at,
                Real wire) {
  return value_at(rows.data(), row * layout.row_len() + at, wire);
}

}  // namespace

std::vector<ComparedField> compared_fields(const Recordings& recordings, const NetworkSpec& spec) {
  std::vector<ComparedField> fields;
  for (const FieldSlot& output : recordings.layouts().out.fields) {
    const auto target = spec.training.targets.find(output.name);
    const FieldSlot* truth =
        target == spec.training.targets.end() ? nullptr : find_slot(recordings.layouts().truth, target->second);
    if (truth != nullptr && truth->levels == output.levels) fields.push_back({output, *truth});
  }
  if (!fields.empty()) return fields;
  throw Error(ErrorCode::plan,
              fmt::format("no output of network \"{}\" has a target with its levels, so there is nothing "
                          "to compare; give `training.targets`",
                          spec.name));
}

void run_part(const Recordings& recordings, const NetworkSpec& spec, SplitPart part,
              const std::function<bool(const RecordedLesson&, std::int64_t)>& is_mine, Engine& engine,
              const std::function<void(const Evaluated&)>& take) {
  std::optional<DataSplit> split;
  if (part != SplitPart::none) split.emplace(spec.training.offline.split, recordings.steps());
  const RowLayout& out = recordings.layouts().out;
  std::vector<std::byte> outputs(
      static_cast<std::size_t>(spec.rows_per_chunk() * out.row_len() * real_size(spec.wire)));
  std::vector<std::uint8_t> counts;
  LessonRows rows;
  std::int64_t number = 0;
  for (const RecordedLesson& lesson : recordings.lessons()) {
    counts.assign(static_cast<std::size_t>(lesson.rows), 0);
    for (std::int64_t row = 0; row < lesson.rows; ++row) {
      const SplitPart of_row = split ? split->of(lesson.step, recordings.ids(lesson)[row]) : SplitPart::none;
      counts[static_cast<std::size_t>(row)] = of_row == part ? 1 : 0;
    }
    if (std::find(counts.begin(), counts.end(), 1) == counts.end()) continue;
    if (!is_mine(lesson, number++)) continue;
    recordings.read(lesson, rows);
    recordings.require_numbers(lesson, rows, counts.data());
    engine.forward(rows.in.data(), outputs.data(), lesson.rows);
    take({lesson, rows, outputs, counts});
  }
  if (number > 0) return;
  throw Error(ErrorCode::plan,
              fmt::format("the split leaves no recorded sample in the part that network \"{}\" is to be "
                          "run on; record more, or give that part a fraction in training.offline.split",
                          spec.name));
}

void add_errors(const Evaluated& evaluated, const Recordings& recordings, const NetworkSpec& spec,
                const std::vector<ComparedField>& fields, std::vector<FieldErrors>& errors) {
  const LearningRows& layouts = recordings.layouts();
  const FieldSlot* const weights = find_slot(layouts.truth, spec.training.weights);
  errors.resize(fields.size());
  for (std::int64_t row = 0; row < evaluated.lesson.rows; ++row) {
    if (evaluated.counts[static_cast<std::size_t>(row)] == 0) continue;
    const double weight =
        weights == nullptr ? 1.0 : value_of(evaluated.rows.truth, layouts.truth, row, weights->offset, spec.wire);
    for (std::size_t f = 0; weight > 0.0 && f < fields.size(); ++f) {
      const auto& [output, target] = fields[f];
      errors[f].levels.resize(static_cast<std::size_t>(output.levels));
      for (std::int64_t level = 0; level < output.levels; ++level) {
        errors[f].levels[static_cast<std::size_t>(level)].add(
            value_of(evaluated.outputs, layouts.out, row, output.offset + level, spec.wire),
            value_of(evaluated.rows.truth, layouts.truth, row, target.offset + level, spec.wire), weight);
      }
    }
  }
}

}  // namespace ekman
