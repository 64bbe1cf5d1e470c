// Implements plan_statistics.hpp.
#include "coupler/command/plan_statistics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "adapters/hdf5/statistics_file.hpp"
#include "adapters/json/artifact_file.hpp"
#include "coupler/base/bytes.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/mix64.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

// Other for other data and for another split, as far as that can be said without reading all of it.
std::string part_words(const SplitSpec& split, const Recordings& recordings, const LessonParts& parts) {
  const std::vector<std::int64_t>& lessons = parts.lessons(SplitPart::train);
  std::uint64_t hash = 0;
  LessonRows rows;
  for (const std::int64_t lesson : {lessons.front(), lessons.back()}) {
    recordings.read(recordings.lessons()[static_cast<std::size_t>(lesson)], rows);
    for (const auto* values : {&rows.in, &rows.truth})
      for (const std::byte value : *values) hash = mix64(hash ^ std::to_integer<std::uint64_t>(value));
  }
  return fmt::format(
      "training part of train {}, validation {}, test {}, by {}, block {}, gap {}, seed {}; {} recorded "
      "chunks, {:08x}",
      split.train, split.validation, split.test, word_of(split.rule), split.block, split.gap, split.seed,
      lessons.size(), hash >> 32);
}

// Before all data are read: the file of statistics must have a place.
void make_folder_of(const std::string& file) {
  const fs::path folder = fs::absolute(file).parent_path();
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (!problem && access(folder.c_str(), W_OK | X_OK) != 0) problem = {errno, std::generic_category()};
  if (problem)
    throw Error(ErrorCode::plan, fmt::format("cannot write {}: {} is {}; give `from` a place that the first rank can "
                                             "write to",
                                             file, folder.string(), problem.message()));
}

// Levels that the plan says the field has; 0: it does not.
std::int64_t levels_in(const Plan& plan, const NetworkSpec& network, const std::string& field) {
  const ComponentSpec* const component = find_component(plan, network.component);
  if (component == nullptr) return 0;
  const auto found = component->fields.find(field);
  return found == component->fields.end() ? 0 : found->second.levels;
}

// "": all is well.
std::string problem_with(const FieldStatistics& found, const std::string& path, std::int64_t levels) {
  for (std::size_t level = 0; level < found.mean.size(); ++level) {
    if (std::isfinite(found.mean[level]) && std::isfinite(found.std[level]) && found.std[level] != 0.0) continue;
    return fmt::format(
        "{} has mean {} and std {} of \"{}\", level {}, which nothing can be divided by; make it anew with "
        "`ekman train`, or give mean and std in the plan",
        path, found.mean[level], found.std[level], found.field, level + 1);
  }
  const auto given = static_cast<std::int64_t>(found.mean.size());
  if (levels == 0 || levels == given) return "";
  return fmt::format("field \"{}\" has {} levels, but {} has mean and std of {}; give a file with as many", found.field,
                     levels, path, given);
}

std::string no_statistics(const std::string& path, const std::string& field) {
  if (fs::exists(path))
    return fmt::format("{} has no mean and std of \"{}\"; it has {}; `ekman train` with this plan adds them", path,
                       field, joined(fields_with_statistics(path), ", "));
  return fmt::format("there is no file {} with mean and std of \"{}\"; `ekman train` with this plan makes it", path,
                     field);
}

// "": all is well, or missing and to be made.
std::string take_one(const std::string& field, std::int64_t levels, MissingStatistics missing, Normalization& one) {
  std::optional<FieldStatistics> found;
  if (fs::exists(one.from)) found = read_statistics(one.from, field);
  if (!found) return missing == MissingStatistics::made_later ? "" : no_statistics(one.from, field);
  one.mean = found->mean;
  one.std = found->std;
  return problem_with(*found, one.from, levels);
}

// A network that goes on with learning, or that comes from a checkpoint, has them already.
bool has_statistics(const Learner& learner) {
  const LearnedState state = learner.state();
  return std::any_of(state.arrays.begin(), state.arrays.end(), [](const NamedArray& array) {
    return array.name == "normalization/count" && load<double>(array.bytes.data()) > 0.0;
  });
}

PlanReading with_statistics(PlanReading reading, MissingStatistics missing) {
  if (reading.diagnostics.count(Severity::error) > 0) return reading;
  for (NetworkSpec& network : reading.plan.networks) {
    for (auto& [field, one] : network.normalize) {
      if (one.from.empty()) continue;
      std::string problem;
      try {
        problem = take_one(field, levels_in(reading.plan, network, field), missing, one);
      } catch (const std::exception& error) {
        problem = error.what();
      }
      if (!problem.empty())
        reading.diagnostics.add({fmt::format("networks.{}.normalize.{}.from", network.name, field), problem});
    }
  }
  return reading;
}

}  // namespace

PlanReading examine_whole_plan(const std::string& path, MissingStatistics missing) {
  return with_statistics(examine_plan(path, read_artifact), missing);
}

PlanReading examine_whole_point(const StudyReading& study, const Choice& choice) {
  return with_statistics(examine_point(study, choice, read_artifact), MissingStatistics::made_later);
}

void warn_of_missing(PlanReading& reading) {
  for (NetworkSpec& network : reading.plan.networks)
    for (const auto& [field, one] : network.normalize)
      if (!one.is_known())
        reading.diagnostics.add({fmt::format("networks.{}.normalize.{}.from", network.name, field),
                                 no_statistics(one.from, field), Severity::warning});
}

void require_statistics(NetworkSpec& spec, bool of_checkpoint) {
  for (auto field = spec.normalize.begin(); field != spec.normalize.end();) {
    if (!field->second.is_known() && !of_checkpoint)
      throw Error(ErrorCode::plan, no_statistics(field->second.from, field->first));
    field = field->second.is_known() ? std::next(field) : spec.normalize.erase(field);
  }
}

const LessonStatistics& TrainingStatistics::all(const NetworkSpec& spec) {
  if (!all_) all_ = lesson_statistics(recordings_, parts_, spec, ranks_);
  return *all_;
}

std::vector<FieldStatistics> TrainingStatistics::of(const NetworkSpec& spec,
                                                    const std::function<bool(const Normalization&)>& wanted) {
  std::vector<FieldStatistics> fields = field_statistics(all(spec), recordings_, spec, wanted);
  for (FieldStatistics& field : fields) field.part = part_;
  return fields;
}

void TrainingStatistics::complete(NetworkSpec& spec) {
  if (ranks_.rank() == 0) part_ = part_words(spec.training.offline.split, recordings_, parts_);
  bool any = false;
  for (const auto& [field, one] : spec.normalize) {
    any = any || !one.is_known();
    if (ranks_.rank() == 0 && !one.is_known()) make_folder_of(one.from);
    if (ranks_.rank() != 0 || one.from.empty() || !one.is_known()) continue;
    const std::optional<FieldStatistics> found = read_statistics(one.from, field);
    if (found && !found->part.empty() && found->part != part_)
      log_line(fmt::format(
          "warning: network \"{}\": mean and std of \"{}\" in {} are of the {}, and here it is the {}; remove "
          "the file, and what was learned with it, to have them made anew",
          spec.name, field, one.from, found->part, part_));
  }
  if (!any) return;
  const std::vector<FieldStatistics> fields = of(spec, [](const Normalization& one) { return !one.is_known(); });
  std::map<std::string, std::vector<FieldStatistics>> files;
  for (const FieldStatistics& field : fields) {
    Normalization& one = spec.normalize.at(field.field);
    one.mean = field.mean;
    one.std = field.std;
    files[one.from].push_back(field);
  }
  if (ranks_.rank() != 0) return;
  for (const auto& [path, of_file] : files) {
    add_statistics(path, of_file);
    std::vector<std::string> names;
    for (const FieldStatistics& field : of_file) names.push_back(field.field);
    log_line(fmt::format("network \"{}\": mean and std of {} over {} points that are learned from, written to {}",
                         spec.name, joined(names, ", "), of_file.front().points, path));
  }
}

void TrainingStatistics::start(const NetworkSpec& spec, const std::string& output_directory, Learner& learner) {
  const auto running = [](const Normalization& one) { return one.running; };
  const bool any = std::any_of(spec.normalize.begin(), spec.normalize.end(),
                               [&](const auto& field) { return running(field.second); });
  if (!any || has_statistics(learner)) return;
  set_statistics(all(spec), recordings_.layouts().in, spec, learner);
  if (ranks_.rank() != 0) return;
  const std::vector<FieldStatistics> fields = of(spec, running);
  const fs::path path = fs::path(output_directory) / fmt::format("statistics-{}.h5", spec.name);
  std::error_code ignored;
  fs::remove(path, ignored);
  add_statistics(path.string(), fields);
}

}  // namespace ekman
