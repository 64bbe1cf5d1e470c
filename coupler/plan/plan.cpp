// Small questions about a plan that several rooms ask.
#include "coupler/plan/plan.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>

#include "coupler/base/joined.hpp"
#include "coupler/plan/choices.hpp"

namespace ekman {

namespace {

void add_once(const std::string& field, std::vector<std::string>& fields) {
  if (!field.empty() && std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
}

}  // namespace

int ml_ranks_of(const Plan& plan) {
  std::int64_t sum = 0;
  for (const NetworkSpec& network : plan.networks) sum += network.ranks;
  return static_cast<int>(std::min<std::int64_t>(sum, std::numeric_limits<int>::max()));
}

const ComponentSpec* find_component(const Plan& plan, const std::string& name) {
  const auto found = std::find_if(plan.components.begin(), plan.components.end(),
                                  [&](const ComponentSpec& component) { return component.name == name; });
  return found == plan.components.end() ? nullptr : &*found;
}

std::int64_t steps_between_exchanges(const Plan& plan, const NetworkSpec& network) {
  const ComponentSpec* component = find_component(plan, network.component);
  if (component == nullptr || component->timestep == 0 || network.coupling_period == 0) return 1;
  return std::max<std::int64_t>(1, network.coupling_period / component->timestep);
}

StepClock step_clock(const Plan& plan, const std::string& component) {
  const ComponentSpec* found = find_component(plan, component);
  return {plan.calendar, found == nullptr ? 0 : found->timestep};
}

std::vector<std::string> fields_of(const std::vector<Argument>& arguments) {
  std::vector<std::string> fields;
  for (const Argument& argument : arguments)
    fields.insert(fields.end(), argument.fields.begin(), argument.fields.end());
  return fields;
}

std::vector<std::string> all_fields_of(const NetworkSpec& network) {
  std::vector<std::string> fields = fields_of(network.inputs);
  for (const std::string& field : fields_of(network.outputs)) fields.push_back(field);
  return fields;
}

std::vector<std::string> route_fields_of(const NetworkSpec& network) {
  std::vector<std::string> fields;
  for (const std::string& field : all_fields_of(network)) add_once(field, fields);
  for (const std::string& field : truth_fields_of(network)) add_once(field, fields);
  return fields;
}

std::vector<std::string> recorded_fields_of(const Plan& plan, const NetworkSpec& network) {
  if (!plan.record.given || network.is_inline()) return {};
  std::vector<std::string> fields = route_fields_of(network);
  const std::vector<std::string>& asked = plan.record.fields;
  if (asked.empty()) return fields;
  fields.erase(std::remove_if(fields.begin(), fields.end(),
                              [&](const std::string& field) {
                                return std::find(asked.begin(), asked.end(), field) == asked.end();
                              }),
               fields.end());
  return fields;
}

std::string name_of(const LossTerm& term) {
  const std::string own = std::filesystem::path(term.source).filename().string();
  return std::string(word_of(term.kind)) + "(" + (term.fields.empty() ? own : joined(term.fields, " ")) + ")";
}

std::vector<std::string> late_fields_of(const NetworkSpec& network) {
  std::vector<std::string> fields;
  for (const std::string& output : fields_of(network.outputs)) {
    const auto target = network.training.targets.find(output);
    if (target != network.training.targets.end()) add_once(target->second, fields);
  }
  if (network.training.given) add_once(network.training.weights, fields);
  return fields;
}

std::vector<std::string> truth_fields_of(const NetworkSpec& network) {
  std::vector<std::string> fields = late_fields_of(network);
  for (const LossTerm& term : network.training.loss) {
    for (const std::string& field : term.extra) add_once(field, fields);
  }
  return fields;
}

std::int64_t levels_of_target(const NetworkSpec& network, const std::string& output, std::int64_t levels) {
  std::int64_t wanted = 0;
  for (const LossTerm& term : network.training.loss) {
    if (std::find(term.fields.begin(), term.fields.end(), output) == term.fields.end()) continue;
    if (has_classes(term.kind)) return 1;
    wanted = levels;
  }
  return wanted;
}

std::int64_t levels_from_target(const NetworkSpec& network, const std::string& output, std::int64_t levels) {
  std::int64_t found = 0;
  for (const LossTerm& term : network.training.loss) {
    if (std::find(term.fields.begin(), term.fields.end(), output) == term.fields.end()) continue;
    if (has_classes(term.kind)) return 0;
    found = levels;
  }
  return found;
}

std::vector<std::string> used_fields(const Plan& plan, const std::string& component) {
  std::vector<std::string> used;
  std::set<std::string> seen;
  const auto use = [&](const std::string& field) {
    if (!field.empty() && seen.insert(field).second) used.push_back(field);
  };
  for (const NetworkSpec& network : plan.networks) {
    if (network.component != component) continue;
    for (const std::string& field : all_fields_of(network)) use(field);
    for (const std::string& field : truth_fields_of(network)) use(field);
    for (const auto& entry : network.guard.fields) use(entry.second.fallback);
  }
  return used;
}

}  // namespace ekman
