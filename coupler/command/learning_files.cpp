// Implements learning_files.hpp.
#include "coupler/command/learning_files.hpp"

#include <fmt/format.h>

#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/command/network_library.hpp"

namespace ekman {

namespace {

// A run that goes on from a restart set repeats what came after it; one whose user asked for the best or for a file
// leaves what came after it behind.
LaterSteps later_steps(const Plan& plan, const NetworkSpec& spec) {
  if (!plan.resume.empty()) return LaterSteps::remove;
  const std::string& resume = spec.training.resume;
  return resume.empty() || resume == "latest" ? LaterSteps::refuse : LaterSteps::put_aside;
}

}  // namespace

void prepare_learning(const Plan& plan, const NetworkSpec& spec, bool is_first, Learner& learner) {
  const std::optional<Checkpoint> checkpoint = network_library().find_resume(spec, plan.output_directory);
  if (checkpoint) learner.restore(checkpoint->state);
  if (!is_first) return;
  std::string from;
  if (checkpoint) {
    from = fmt::format("; goes on from {}", checkpoint->path);
  } else if (!spec.training.resume.empty()) {
    from = fmt::format("; begins afresh, since {} has no checkpoint yet", spec.training.checkpoint.directory);
  }
  log_line(fmt::format("network \"{}\" learns: {}{}", spec.name, learner.describe(), from));
}

LearningFiles learning_files(const Plan& plan, const NetworkSpec& spec, std::function<std::int64_t()> last_step) {
  LearningFiles files;
  files.log = [&plan, &spec, last_step = std::move(last_step)](std::int64_t step) {
    TrainingLogSetting setting = training_log_setting(plan, spec, step);
    if (last_step) setting.last_step = last_step();
    return std::make_unique<TrainingLog>(std::move(setting));
  };
  if (spec.training.checkpoint.directory.empty()) return files;
  files.checkpoints = [&plan, &spec](std::int64_t step) {
    return network_library().make_checkpoint_store(spec, plan.output_directory, step, later_steps(plan, spec));
  };
  return files;
}

}  // namespace ekman
