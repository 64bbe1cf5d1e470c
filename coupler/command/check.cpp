// Implements check.hpp.
#include "coupler/command/check.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>

#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/command/graph.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/command/plan_summary.hpp"
#include "coupler/command/plan_words.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// The layouts of its rows, if the plan has the levels of all fields.
std::optional<LearningRows> rows_of(const Plan& plan, const NetworkSpec& network) {
  if (!sizes_of(plan, network).fields_without_levels.empty()) return std::nullopt;
  const ComponentSpec& component = *find_component(plan, network.component);
  const auto layout = [&](const std::vector<Argument>& arguments) {
    return make_row_layout(arguments, levels_of(component, network, fields_of(arguments)));
  };
  return LearningRows{layout(network.inputs), layout(network.outputs), layout({Argument{truth_fields_of(network)}})};
}

// What it resumes from must be there, and fit what would learn on, if that could be made.
void try_resume(PlanReading& reading, const NetworkSpec& network, Learner* learner) {
  try {
    const std::optional<Checkpoint> checkpoint = network_library().find_resume(network, reading.plan.output_directory);
    if (checkpoint && learner != nullptr) learner->restore(checkpoint->state);
  } catch (const std::exception& error) {
    reading.diagnostics.add({"networks." + network.name + ".training.resume", error.what()});
  }
}

// As an ML rank will, on the CPU; a forward needs the levels of all fields. What is wrong with `training` is found
// without it, at its own keys, and then what is left of the plan is tried.
NetworkTrial try_network(PlanReading& reading, NetworkSpec network) {
  for (auto& field : network.normalize)
    if (!field.second.is_known()) field.second = {};
  const std::optional<LearningRows> rows = rows_of(reading.plan, network);
  if (network.source.kind == SourceKind::none) return {true, false, {}};
  if (!needs_library(network)) {
    return rows ? NetworkTrial{true, true, make_engine(network, *rows, "cpu", 1)->size()}
                : NetworkTrial{true, false, {}};
  }
  const NetworkSpec asked = network;
  // Its autocast takes a GPU. All else is as in float32, but what a learned state must have.
  const bool in_float16 = network.compute == Compute::float16;
  if (in_float16) network.compute = Compute::float32;
  if (network.training.given) {
    const std::vector<Problem> problems = network_library().learning_problems(network, rows);
    for (const Problem& problem : problems) reading.diagnostics.add(problem);
    if (!problems.empty()) network.training = {};
  }
  std::unique_ptr<Engine> engine;
  if (rows) engine = make_engine(network, *rows, "cpu", 1);
  Learner* const learner = engine ? engine->learner() : nullptr;
  try_resume(reading, asked, in_float16 ? nullptr : learner);
  NetworkTrial trial{true, engine != nullptr, engine ? engine->size() : network_library().open_network(network)};
  if (learner != nullptr) {
    trial.learned = learner->gradient_size();
  } else if (trial.size.parameters > 0) {
    trial.learned = trial.size.parameters;
  }
  return trial;
}

std::vector<NetworkTrial> try_networks(PlanReading& reading, bool load) {
  std::vector<NetworkTrial> trials;
  for (const NetworkSpec& network : reading.plan.networks) {
    trials.emplace_back();
    if (!load) continue;
    try {
      trials.back() = try_network(reading, network);
    } catch (const std::exception& error) {
      reading.diagnostics.add({"networks." + network.name + ".network", error.what()});
    }
  }
  return trials;
}

std::int64_t resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

int check(const std::string& plan_file, const CheckOptions& options) {
  PlanReading reading = examine_whole_plan(plan_file, MissingStatistics::made_later);
  warn_of_missing(reading);
  const Diagnostics& found = reading.diagnostics;
  std::vector<NetworkTrial> trials;
  if (found.count(Severity::error) == 0) trials = try_networks(reading, options.load);
  for (const std::string& line : found.lines(Severity::hint)) std::fprintf(stderr, "%s\n", line.c_str());
  const std::size_t errors = found.count(Severity::error), warnings = found.count(Severity::warning);
  const std::string verdict = fmt::format("{}: {}, {}, {}", plan_file, counted(errors, "error"),
                                          counted(warnings, "warning"), counted(found.count(Severity::hint), "hint"));
  if (errors > 0) {
    std::fprintf(stderr, "%s\n", verdict.c_str());
    return 1;
  }
  switch (options.output) {
    case CheckOptions::Output::summary:
      std::fputs(plan_summary(reading.plan, trials, resident_bytes()).c_str(), stdout);
      std::printf("%s\n", verdict.c_str());
      break;
    case CheckOptions::Output::resolved:
      std::fputs(plan_to_yaml(reading.plan).c_str(), stdout);
      break;
    case CheckOptions::Output::dot:
      std::fputs(plan_as_dot(reading.plan).c_str(), stdout);
      break;
    case CheckOptions::Output::svg:
      print_svg(plan_as_dot(reading.plan));
      break;
  }
  return options.strict && warnings > 0 ? 1 : 0;
}

}  // namespace ekman
