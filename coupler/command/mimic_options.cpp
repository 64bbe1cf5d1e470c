// Implements mimic_options.hpp.
#include "coupler/command/mimic_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "adapters/yaml/check_keys.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr std::int64_t k_most_points = 1'000'000'000'000;
constexpr std::int64_t k_most_levels = 1'000'000'000;

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

// An option whose value is for all, or for names.
struct Named {
  std::string all;
  std::map<std::string, std::string> by_name;

  const std::string& of(const std::string& name) const {
    const auto found = by_name.find(name);
    return found == by_name.end() ? all : found->second;
  }
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream all(text);
  for (std::string part; std::getline(all, part, ',');) parts.push_back(part);
  return parts;
}

void require_known(const std::string& name, const std::vector<std::string>& known, const std::string& option,
                   const char* kind) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  misuse(fmt::format("{}: the plan has no {} \"{}\"{}", option, kind, name,
                     did_you_mean(name, known, fmt::format("; name one of: {}", joined(known, ", ")))));
}

// `kind`: what is named, for messages.
Named parse_named(const std::string& text, const std::string& option, const std::vector<std::string>& known,
                  const char* kind) {
  Named named;
  for (const std::string& part : split(text)) {
    const std::size_t equals = part.find('=');
    const std::string name = equals == std::string::npos ? "" : part.substr(0, equals);
    const std::string value = equals == std::string::npos ? part : part.substr(equals + 1);
    if (value.empty()) misuse(fmt::format("{} {} has an empty value; give it a value for each name", option, text));
    if (!name.empty()) require_known(name, known, option, kind);
    std::string& place = name.empty() ? named.all : named.by_name[name];
    if (!place.empty())
      misuse(fmt::format("{} {} has two values for {}; give it one", option, text,
                         name.empty() ? "all" : fmt::format("\"{}\"", name)));
    place = value;
  }
  return named;
}

std::int64_t parse_count(const std::string& text, const std::string& option, std::int64_t most) {
  const std::optional<std::int64_t> number = parse_integer(text);
  if (number && *number >= 1 && *number <= most) return *number;
  misuse(fmt::format("{} must be a whole number from 1 to {}; found \"{}\"", option, most, text));
}

std::vector<std::string> names_of_components(const Plan& plan) {
  std::vector<std::string> names;
  for (const ComponentSpec& component : plan.components) names.push_back(component.name);
  return names;
}

std::vector<std::string> names_of_fields(const Plan& plan) {
  std::vector<std::string> names;
  for (const ComponentSpec& component : plan.components)
    for (const std::string& field : used_fields(plan, component.name)) names.push_back(field);
  return names;
}

}  // namespace

double parse_seconds(const std::string& text, const std::string& option) {
  static const std::map<std::string, double> units{{"ns", 1e-9}, {"us", 1e-6},  {"ms", 1e-3},
                                                   {"s", 1.0},   {"min", 60.0}, {"h", 3600.0}};
  const std::size_t unit = text.find_first_not_of("+-.0123456789eE");
  const auto found = unit == std::string::npos ? units.end() : units.find(text.substr(unit));
  const std::optional<double> number = parse_real(text.substr(0, std::min(unit, text.size())));
  if (found != units.end() && number && *number >= 0.0) return *number * found->second;
  if (const std::optional<std::int64_t> duration = parse_duration(text))
    return static_cast<double>(*duration) / static_cast<double>(k_microseconds_per_second);
  misuse(fmt::format("{} must be a time such as 5ms, 0.8s, 200us or PT1M, of at least 0; found \"{}\"", option, text));
}

std::vector<std::pair<std::string, int>> parse_ranks(const std::string& text, const Plan& plan, int size) {
  std::vector<std::pair<std::string, int>> all;
  std::set<std::string> seen;
  int sum = 0;
  for (const std::string& part : split(text)) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos)
      misuse(fmt::format("--ranks must be ranks of components, as in atmosphere=6,ocean=2; found \"{}\"", text));
    const std::string name = part.substr(0, equals);
    require_known(name, names_of_components(plan), "--ranks", "component");
    if (!seen.insert(name).second)
      misuse(fmt::format("--ranks {} names component \"{}\" twice; give it all its ranks at once", text, name));
    const std::int64_t ranks = parse_count(part.substr(equals + 1), "--ranks of \"" + name + "\"", k_most_levels);
    all.emplace_back(name, static_cast<int>(ranks));
    sum = static_cast<int>(std::min<std::int64_t>(sum + ranks, k_most_levels));
  }
  if (sum != size)
    misuse(
        fmt::format("--ranks {} adds up to {} ranks, but ekman mimic was started on {}; start as many as it takes, "
                    "mpirun -n {} ekman mimic, or change --ranks",
                    text, sum, size, sum));
  return all;
}

PlayOptions play_options(const MimicOptions& options, const Plan& plan, const std::string& component) {
  const std::vector<std::string> components = names_of_components(plan);
  require_known(component, components, "--component", "component");
  const auto of_component = [&](const std::string& text, const char* option) {
    return parse_named(text, option, components, "component").of(component);
  };
  PlayOptions play;
  play.steps = options.steps;
  play.imbalance = options.imbalance;
  play.busy = !options.sleep;
  play.barrier = options.barrier;
  play.seed = options.seed;
  const std::string points = of_component(options.points, "--points");
  if (!points.empty()) play.points = parse_count(points, "--points", k_most_points);
  const std::string step_time = of_component(options.step_time, "--step-time");
  if (!step_time.empty()) play.step_seconds = parse_seconds(step_time, "--step-time");
  const std::string point_time = of_component(options.point_time, "--point-time");
  if (!point_time.empty()) play.point_seconds = parse_seconds(point_time, "--point-time");
  const Named levels = parse_named(options.levels, "--levels", names_of_fields(plan), "field");
  if (!levels.all.empty()) play.default_levels = parse_count(levels.all, "--levels", k_most_levels);
  for (const auto& [field, value] : levels.by_name)
    play.levels[field] = parse_count(value, "--levels of \"" + field + "\"", k_most_levels);
  return play;
}

}  // namespace ekman
