// The walk through the key table with a value for each key: what the plan holds, else the default of the
// table.
#include "adapters/yaml/plan_to_yaml.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "adapters/yaml/builtin_to_yaml.hpp"
#include "adapters/yaml/training_to_yaml.hpp"
#include "adapters/yaml/yaml_writing.hpp"

namespace ekman {
namespace {

Write calendar_of(const Calendar& calendar) {
  return mapping("calendar",
                 {{"start", text(date_text(calendar.kind, calendar.start))}, {"kind", word(calendar.kind)}});
}

Write field_of(const FieldSpec& field) {
  return mapping("components.*.fields.*",
                 {{"levels", given(field.levels > 0, number(field.levels))},
                  {"units", given(!field.units.empty(), text(field.units))}},
                 true);
}

Write component_of(const ComponentSpec& component) {
  return mapping("components.*", {{"timestep", given(component.timestep > 0, text(duration_text(component.timestep)))},
                                  {"points", given(component.points >= 0, number(component.points))},
                                  {"fields", given(!component.fields.empty(), named(component.fields, field_of))}});
}

std::string whole(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

Write source_of(const NetworkSource& source) {
  if (source.kind == SourceKind::none) return text("none");
  if (source.kind == SourceKind::builtin) return builtin_of(source);
  const bool is_file = source.kind == SourceKind::torchscript && source.artifact.empty();
  const bool is_checkpoint = source.kind == SourceKind::checkpoint;
  const std::string pattern = "networks.*.network";
  Values values = no_source();
  values["torchscript"] = is_file ? text(whole(source.path)) : Write{};
  values["artifact"] = source.artifact.empty() ? Write{} : text(whole(source.artifact));
  values["sha256"] = given(is_file && !source.sha256.empty(), text(source.sha256));
  values["checkpoint"] = is_checkpoint ? text(whole(source.path)) : Write{};
  values["library"] = source.library.empty() ? Write{} : text(whole(source.library));
  values["echo"] = given(source.kind == SourceKind::echo, mapping(pattern + ".echo", {}));
  return mapping(pattern, values);
}

Write sample_of(const NetworkSpec& network) {
  if (network.sample == Sample::point) return text("point");
  const std::string pattern = "networks.*.sample";
  return mapping(
      pattern, {{"grid", mapping(pattern + ".grid", {{"shape", numbers({network.grid_ny, network.grid_nx})}})}}, true);
}

Write arguments_of(const std::vector<Argument>& arguments, const std::string& pattern) {
  return [=](YAML::Emitter& out) {
    out << YAML::BeginSeq;
    for (const Argument& argument : arguments)
      mapping(pattern, {{"fields", texts(argument.fields)}, {"combine", word(argument.combine)}}, true)(out);
    out << YAML::EndSeq;
  };
}

Write normalization_of(const Normalization& constants) {
  if (constants.running) return text("running");
  if (!constants.from.empty())
    return mapping("networks.*.normalize.*", {{"mean", {}}, {"std", {}}, {"from", text(whole(constants.from))}}, true);
  return mapping("networks.*.normalize.*",
                 {{"mean", real(constants.mean.front())}, {"std", real(constants.std.front())}}, true);
}

Write guard_of(const Guard& guard) {
  std::map<std::string, Write> rules;
  for (const auto& [field, rule] : guard.fields) {
    rules[field] = mapping("networks.*.guard.*",
                           {{"min", given(std::isfinite(rule.min), real(rule.min))},
                            {"max", given(std::isfinite(rule.max), real(rule.max))},
                            {"on_violation", word(rule.on_violation)},
                            {"fallback", given(!rule.fallback.empty(), text(rule.fallback))}},
                           true);
  }
  rules["nonfinite"] = word(guard.nonfinite);
  return named(rules, [](const Write& write) { return write; });
}

Write network_of(const NetworkSpec& network) {
  const bool one_device = network.devices.size() == 1;
  return mapping("networks.*",
                 {{"component", text(network.component)},
                  {"ranks", given(!network.is_inline(), number(network.ranks))},
                  {"placement", word(network.placed)},
                  {"device", one_device ? text(network.devices.front()) : texts(network.devices)},
                  {"threads", number(network.threads)},
                  {"network", source_of(network.source)},
                  {"sample", sample_of(network)},
                  {"chunk", number(network.chunk)},
                  {"tile", network.tile > 0 ? number(network.tile) : text("auto")},
                  {"coupling_period", given(network.coupling_period > 0, text(duration_text(network.coupling_period)))},
                  {"time_reduction", word(network.time_reduction)},
                  {"lag", number(network.lag)},
                  {"wire", word(network.wire)},
                  {"compute", word(network.compute)},
                  {"transport", word(network.transport)},
                  {"optimize", word(network.optimize)},
                  {"cuda_graph", text(network.cuda_graph ? "on" : "off")},
                  {"tape", number(network.tape)},
                  {"reproducible", word(network.reproducible)},
                  {"inputs", arguments_of(network.inputs, "networks.*.inputs[]")},
                  {"outputs", given(!network.outputs.empty(), arguments_of(network.outputs, "networks.*.outputs[]"))},
                  {"normalize", given(!network.normalize.empty(), named(network.normalize, normalization_of))},
                  {"guard", given(network.guard.given, guard_of(network.guard))},
                  {"training", given(network.training.given, training_of(network.training))}});
}

Write record_of(const RecordSpec& record) {
  return mapping("output.record", {{"fields", given(!record.fields.empty(), texts(record.fields))},
                                   {"every", number(record.every)},
                                   {"file", text(record.file)},
                                   {"max_bytes", given(record.max_bytes > 0, number(record.max_bytes))},
                                   {"records_per_file", number(record.records_per_file)}});
}

// By name, in the order of the plan.
template <class Spec>
std::vector<std::pair<std::string, Spec>> by_name(const std::vector<Spec>& specs) {
  std::vector<std::pair<std::string, Spec>> all;
  for (const Spec& spec : specs) all.emplace_back(spec.name, spec);
  return all;
}

void write_run(YAML::Emitter& out, const std::vector<RunFact>& run) {
  out << YAML::BeginMap << YAML::Key << "x-run" << YAML::Value << YAML::BeginMap;
  for (const RunFact& fact : run) {
    out << YAML::Key << fact.name << YAML::Value;
    if (fact.values.size() == 1) {
      out << fact.values.front();
    } else {
      out << fact.values;
    }
  }
  out << YAML::EndMap << YAML::EndMap;
}

}  // namespace

std::string duration_text(std::int64_t microseconds) {
  const std::int64_t days = microseconds / k_microseconds_per_day, rest = microseconds % k_microseconds_per_day;
  const std::int64_t seconds = rest / k_microseconds_per_second, fraction = rest % k_microseconds_per_second;
  std::string time;
  if (seconds / 3600 > 0) time += fmt::format("{}H", seconds / 3600);
  if (seconds / 60 % 60 > 0) time += fmt::format("{}M", seconds / 60 % 60);
  std::string part = fraction > 0 ? fmt::format(".{:06}", fraction) : "";
  part.resize(part.find_last_not_of('0') + 1);
  if (seconds % 60 > 0 || !part.empty()) time += fmt::format("{}{}S", seconds % 60, part);
  const std::string date = days > 0 ? fmt::format("{}D", days) : "";
  return "P" + date + (time.empty() ? "" : "T" + time);
}

std::string plan_to_yaml(const Plan& plan, const std::vector<RunFact>& run) {
  YAML::Emitter out;
  const Values values{{"ekman", text("1")},
                      {"calendar", given(plan.calendar.given, calendar_of(plan.calendar))},
                      {"components", named(by_name(plan.components), component_of)},
                      {"networks", named(by_name(plan.networks), network_of)},
                      {"resume", given(!plan.resume.empty(), text(plan.resume))},
                      {"timeout", text(duration_text(plan.timeout))},
                      {"timeout_physics", text(duration_text(plan.timeout_physics))},
                      {"output", mapping("output", {{"directory", text(plan.output_directory)},
                                                    {"record", given(plan.record.given, record_of(plan.record))},
                                                    {"profile", text(plan.profile ? "on" : "off")}})}};
  mapping("", values)(out);
  std::string yaml = std::string(out.c_str()) + "\n";
  if (run.empty()) return yaml;
  YAML::Emitter facts;
  write_run(facts, run);
  return yaml + facts.c_str() + "\n";
}

}  // namespace ekman
