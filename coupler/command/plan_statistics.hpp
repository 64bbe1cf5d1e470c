// `normalize: {from: FILE}`: what a plan has in files of statistics, and the files that `ekman train` makes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/yaml/plan_from_yaml.hpp"
#include "adapters/yaml/study_from_yaml.hpp"
#include "coupler/offline/lesson_statistics.hpp"

namespace ekman {

// Whether a file, or a field in it, may be missing: it is to be made then, and mean and std stay unknown.
enum class MissingStatistics { error, made_later };

// The plan of the file, with mean and std of all fields that have them from a file; what is wrong with these is among
// its diagnostics.
PlanReading examine_whole_plan(const std::string& path, MissingStatistics missing = MissingStatistics::error);

// The same of a point of a study.
PlanReading examine_whole_point(const StudyReading& study, const Choice& choice);

// Says of each field whose file is missing that it is to be made.
void warn_of_missing(PlanReading& reading);

// For running the network: fields whose file is missing are normalised as its checkpoint says, if it has one. Throws
// Error(plan) if it has none.
void require_statistics(NetworkSpec& spec, bool of_checkpoint);

// Collective. What is learned from, in numbers: fields of `spec` whose files are missing get mean and std from it, and
// the first rank writes the files. Warns of files that were made from another part. Throws Error(plan).
class TrainingStatistics {
 public:
  // All must outlive it.
  TrainingStatistics(const Recordings& recordings, const LessonParts& parts, const Communicator& ranks)
      : recordings_(recordings), parts_(parts), ranks_(ranks) {}

  void complete(NetworkSpec& spec);
  // Of running fields, into a learner that has none yet, and into statistics-NAME.h5 of `output_directory`.
  void start(const NetworkSpec& spec, const std::string& output_directory, Learner& learner);

 private:
  const LessonStatistics& all(const NetworkSpec& spec);
  std::vector<FieldStatistics> of(const NetworkSpec& spec, const std::function<bool(const Normalization&)>& wanted);

  const Recordings& recordings_;
  const LessonParts& parts_;
  const Communicator& ranks_;
  std::optional<LessonStatistics> all_;
  std::string part_;  // on the first rank
};

}  // namespace ekman
