// Implements training_check.hpp: what learns, from which fields, with which numbers.
#include "coupler/plan/training_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "coupler/plan/choices.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/plan/loss_check.hpp"
#include "coupler/plan/sizes.hpp"

namespace ekman {
namespace {

using Problems = std::vector<Problem>;

// The inputs of so many exchanges would have to be kept.
constexpr double k_endless_delay = 1e6;

void check_network(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const bool changes = network.optimize == Optimize::freeze || network.optimize == Optimize::inference;
  if (changes && (network.training.given || network.tape > 0))
    problems.push_back(
        {path + ".optimize", fmt::format("optimize: {} makes the weights constants, which have no gradient; "
                                         "leave it out where a network learns or has a tape",
                                         word_of(network.optimize))});
  if (!network.training.given) return;
  if (network.source.kind == SourceKind::echo)
    problems.push_back({path + ".training", fmt::format("network \"{}\" is an echo, which has nothing to learn; take "
                                                        "another network, or `training` out",
                                                        network.name)});
  if (network.compute == Compute::float16 && network.training.optimizer.kind == OptimizerKind::lbfgs)
    problems.push_back({path + ".training.optimizer",
                        "lbfgs goes by differences between gradients, which drown in the rounding of float16; take "
                        "another optimizer, or compute: float32"});
}

void check_running(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const std::vector<std::string> inputs = fields_of(network.inputs);
  const std::set<std::string> known(inputs.begin(), inputs.end());
  for (const auto& [field, normalization] : network.normalize) {
    if (!normalization.running) continue;
    const std::string here = path + ".normalize." + field;
    if (known.count(field) == 0)
      problems.push_back(
          {here, fmt::format("\"{}\" is no input of network \"{}\", and `running` is for inputs; give its "
                             "mean and std",
                             field, network.name)});
    else if (!network.training.given)
      problems.push_back(
          {here, fmt::format("the mean and std of \"{}\" are learned in training, which network \"{}\" has "
                             "not; give them, or add `training`",
                             field, network.name)});
    else if (network.tape > 0)
      problems.push_back({here, fmt::format("the mean and std of \"{}\" are learned from exchanges with targets, and "
                                            "network \"{}\" has a tape; give them",
                                            field, network.name)});
  }
}

// With a tape the component has the loss, and puts its adjoints.
void check_tape(const Plan& plan, const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (network.tape == 0) return;
  if (network.compute == Compute::float16)
    problems.push_back({path + ".compute",
                        "adjoints that a component puts would be lost in float16, where those below 6e-8 are zero; "
                        "take compute: bfloat16 or float32, or the tape out"});
  const std::int64_t steps = steps_between_exchanges(plan, network);
  if (steps > 1)
    problems.push_back(
        {path + ".tape", fmt::format("a tape holds an exchange of every step, but there is one in {} steps "
                                     "only; make coupling_period the timestep, or take the tape out",
                                     steps)});
  const TrainingSpec& training = network.training;
  const std::pair<const char*, bool> others[] = {
      {"targets", !training.targets.empty()}, {"weights", !training.weights.empty()},
      {"loss", !training.loss.empty()},       {"validation", training.validation.fraction > 0.0},
      {"patience", training.patience > 0},    {"replay", training.replay.capacity > 0},
      {"delay", training.delay > 0}};
  for (const auto& [key, is_given] : others)
    if (is_given)
      problems.push_back(
          {fmt::format("{}.training.{}", path, key),
           fmt::format("with a tape the loss is in the component, which puts its adjoints, and `{}` has no "
                       "meaning; take it out, or the tape",
                       key)});
  if (training.given && training.optimizer.kind == OptimizerKind::lbfgs)
    problems.push_back({path + ".training.optimizer",
                        "lbfgs takes the loss of a step beside its gradient, and with a tape only the component knows "
                        "the loss; take another optimizer"});
}

// A number of the plan that has bounds.
struct Bounded {
  const char* key;
  double value;
  double least;
  bool is_allowed = true;  // the least one itself
  double below = HUGE_VAL;
};

void check_bounds(const std::vector<Bounded>& numbers, const std::string& path, Problems& problems) {
  for (const Bounded& number : numbers) {
    const bool is_enough = number.is_allowed ? number.value >= number.least : number.value > number.least;
    if (is_enough && number.value < number.below) continue;
    const std::string upper = std::isinf(number.below) ? "" : fmt::format(" and below {}", number.below);
    problems.push_back({fmt::format("{}.{}", path, number.key),
                        fmt::format("{} is {}; it must be {} {}{}", number.key, number.value,
                                    number.is_allowed ? "at least" : "greater than", number.least, upper)});
  }
}

}  // namespace

void check_optimizer(const OptimizerSpec& spec, const std::string& path, Problems& problems) {
  const std::string here = fmt::format("{}.optimizer.{}", path, word_of(spec.kind));
  check_bounds({{"lr", spec.lr, 0.0, false},
                {"weight_decay", spec.weight_decay, 0.0},
                {"momentum", spec.momentum, 0.0},
                {"dampening", spec.dampening, 0.0},
                {"eps", spec.eps, 0.0},
                {"alpha", spec.alpha, 0.0, true, 1.0},
                {"lr_decay", spec.lr_decay, 0.0},
                {"initial_accumulator_value", spec.initial_accumulator, 0.0},
                {"tolerance_grad", spec.tolerance_grad, 0.0},
                {"tolerance_change", spec.tolerance_change, 0.0}},
               here, problems);
  for (const double beta : {spec.beta1, spec.beta2})
    if (!(beta >= 0.0 && beta < 1.0))
      problems.push_back(
          {here + ".betas", fmt::format("one of betas is {}; both must be at least 0 and below 1", beta)});
  if (spec.nesterov && !(spec.momentum > 0.0 && spec.dampening == 0.0))
    problems.push_back({here + ".nesterov",
                        "nesterov needs a momentum and no dampening; give it `momentum`, and take "
                        "`dampening` out, or nesterov"});
}

namespace {

void check_schedule(const ScheduleSpec& spec, const std::string& path, Problems& problems) {
  check_bounds({{"gamma", spec.gamma, 0.0, false},
                {"last", spec.last, 0.0},
                {"steps", static_cast<double>(spec.steps), 1.0},
                {"warmup", static_cast<double>(spec.warmup), 0.0}},
               fmt::format("{}.schedule.{}", path, word_of(spec.kind)), problems);
}

void check_course(const Plan& plan, const NetworkSpec& network, const std::string& path, Problems& problems) {
  const TrainingSpec& training = network.training;
  check_bounds({{"delay", static_cast<double>(training.delay), 0.0, true, k_endless_delay},
                {"accumulate", static_cast<double>(training.accumulate), 1.0},
                {"clip_norm", training.clip_norm, 0.0},
                {"clip_value", training.clip_value, 0.0}},
               path, problems);
  check_bounds({{"fraction", training.validation.fraction, 0.0, true, 1.0}}, path + ".validation", problems);
  const SplitSpec& split = training.offline.split;
  const bool validates_offline = training.offline.given && split.validation > 0.0;
  if (training.patience > 0 && training.validation.fraction == 0.0 && !validates_offline && network.tape == 0)
    problems.push_back({path + ".patience",
                        "patience counts validations, and there is none; give `validation`, or take "
                        "patience out"});
  const bool has_checkpoints = !training.checkpoint.directory.empty();
  if (has_checkpoints)
    check_bounds({{"every", static_cast<double>(training.checkpoint.every), 1.0},
                  {"keep", static_cast<double>(training.checkpoint.keep), 1.0}},
                 path + ".checkpoint", problems);
  if (resumes_from_directory(training) && !has_checkpoints)
    problems.push_back(
        {path + ".resume", fmt::format("resume: {} is one of checkpoint.directory, and there is none; give "
                                       "`checkpoint`, or name a file",
                                       training.resume)});
  if (!training.resume.empty() && !plan.resume.empty())
    problems.push_back(
        {path + ".resume", fmt::format("the restart set \"{}\" holds what the network has learned; take one "
                                       "of the two `resume` out",
                                       plan.resume)});
}

void check_offline(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const OfflineSpec& offline = network.training.offline;
  const SplitSpec& split = offline.split;
  const std::string here = path + ".offline";
  check_bounds({{"train", split.train, 0.0, false}, {"validation", split.validation, 0.0}, {"test", split.test, 0.0}},
               here + ".split", problems);
  const double sum = split.train + split.validation + split.test;
  if (std::abs(sum - 1.0) > 1e-9)
    problems.push_back(
        {here + ".split", fmt::format("train, validation and test are {}, {} and {}, which sum up to {}; "
                                      "give fractions whose sum is 1",
                                      split.train, split.validation, split.test, sum)});
  if (split.rule == SplitRule::id && network.sample == Sample::grid)
    problems.push_back(
        {here + ".split.by",
         "a sample of `sample: grid` has all ids; split `by: time`, with a block of 1 if the grids of two "
         "times have nothing to do with each other"});
  if (split.rule == SplitRule::id && split.gap > 0)
    problems.push_back({here + ".split.gap", "a gap is between recorded times; take it out, or split `by: time`"});
}

}  // namespace

void check_learning(const Plan& plan, const NetworkSpec& network, const std::string& path, Problems& problems) {
  check_network(network, path, problems);
  check_running(network, path, problems);
  check_tape(plan, network, path, problems);
  if (!network.training.given) return;
  const std::string here = path + ".training";
  if (network.tape == 0) check_loss(plan, network, here, problems);
  check_optimizer(network.training.optimizer, here, problems);
  check_schedule(network.training.schedule, here, problems);
  check_course(plan, network, here, problems);
  check_offline(network, here, problems);
}

void check_learning_files(const Plan& plan, Problems& problems) {
  std::map<std::string, std::string> writers;
  const auto check = [&](const NetworkSpec& network, const char* key, const std::string& file) {
    const auto entry = writers.insert({file, network.name});
    if (file.empty() || entry.second) return;
    problems.push_back(
        {fmt::format("networks.{}.training.{}", network.name, key),
         fmt::format("network \"{}\" writes to \"{}\" already; give each its own", entry.first->second, file)});
  };
  for (const NetworkSpec& network : plan.networks) {
    check(network, "checkpoint.directory", network.training.checkpoint.directory);
    check(network, "log.csv", network.training.csv);
    check(network, "log.tensorboard", network.training.tensorboard);
  }
}

}  // namespace ekman
