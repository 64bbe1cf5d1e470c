// Implements undefined_outputs.hpp.
#include "coupler/session/undefined_outputs.hpp"

#include <fmt/format.h>

#include "coupler/base/joined.hpp"

namespace ekman {

namespace {

// What the plan's `fields` say of `field`.
FieldSpec spec_of(const ComponentSpec& component, const std::string& field) {
  const auto found = component.fields.find(field);
  return found == component.fields.end() ? FieldSpec{} : found->second;
}

std::string target_of(const NetworkSpec& network, const std::string& output) {
  const auto found = network.training.targets.find(output);
  return found == network.training.targets.end() ? "" : found->second;
}

// What the component puts, for any of its networks.
std::set<std::string> put_fields(const Plan& plan, const std::string& component) {
  std::set<std::string> fields;
  for (const NetworkSpec& network : plan.networks) {
    if (network.component != component) continue;
    for (const std::string& field : fields_of(network.inputs)) fields.insert(field);
    for (const std::string& field : truth_fields_of(network)) fields.insert(field);
    for (const auto& entry : network.guard.fields) fields.insert(entry.second.fallback);
  }
  return fields;
}

// Visits (network, output) for all optional outputs.
template <class Visit>
void for_optional_outputs(const Plan& plan, const std::string& component, Visit visit) {
  const ComponentSpec& spec = *find_component(plan, component);
  const std::set<std::string> put = put_fields(plan, component);
  for (const NetworkSpec& network : plan.networks) {
    if (network.component != component || network.training.targets.empty()) continue;
    for (const std::string& output : fields_of(network.outputs)) {
      const bool is_told = spec_of(spec, output).levels > 0 || levels_from_target(network, output, 1) > 0;
      if (is_told && put.count(output) == 0) visit(network, output);
    }
  }
}

}  // namespace

std::set<std::string> optional_outputs(const Plan& plan, const std::string& component) {
  std::set<std::string> outputs;
  for_optional_outputs(plan, component, [&](const NetworkSpec&, const std::string& output) { outputs.insert(output); });
  return outputs;
}

Definitions completed(const Plan& plan, const std::string& component, const Definitions& mine) {
  Definitions all = mine;
  for_optional_outputs(plan, component, [&](const NetworkSpec& network, const std::string& output) {
    const auto target = mine.find(target_of(network, output)), input = mine.find(fields_of(network.inputs).front());
    const FieldSpec told = spec_of(*find_component(plan, component), output);
    FieldDefinition definition;
    definition.levels = told.levels;
    definition.units = told.units;
    if (target != mine.end()) {
      if (told.levels == 0) definition.levels = levels_from_target(network, output, target->second.levels);
      if (told.units.empty()) definition.units = target->second.units;
    }
    if (input != mine.end()) definition.points = input->second.points;
    if (definition.levels > 0) all.insert({output, definition});
  });
  return all;
}

std::vector<std::string> undefined_outputs(const NetworkSpec& network, const Definitions& mine) {
  std::vector<std::string> outputs;
  for (const std::string& output : fields_of(network.outputs))
    if (mine.count(output) == 0) outputs.push_back(output);
  return outputs;
}

std::vector<std::string> undefined_output_lines(const Plan& plan, const std::string& component,
                                                const Definitions& mine) {
  std::vector<std::string> lines;
  for (const NetworkSpec& network : plan.networks) {
    if (network.component != component) continue;
    const std::vector<std::string> outputs = undefined_outputs(network, mine);
    if (outputs.empty()) continue;
    lines.push_back(
        fmt::format("network \"{}\": nobody gets {}, which component \"{}\" does not define: learned from "
                    "all the same, and not sent back",
                    network.name, joined(outputs, ", "), component));
  }
  return lines;
}

}  // namespace ekman
