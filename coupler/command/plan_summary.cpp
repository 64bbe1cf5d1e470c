// Implements plan_summary.hpp.
#include "coupler/command/plan_summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/command/plan_words.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/plan/learning_sizes.hpp"
#include "coupler/plan/sizes.hpp"

namespace ekman {

namespace {

constexpr std::size_t k_width = 100;

// "t(60), q(60), ps": levels where the plan has them and they are not one.
std::string field_list(const Plan& plan, const NetworkSpec& network, const std::vector<Argument>& arguments) {
  const ComponentSpec& component = *find_component(plan, network.component);
  const std::vector<std::string> fields = fields_of(arguments);
  const std::vector<std::int64_t> levels = levels_of(component, network, fields);
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text += (i == 0 ? "" : ", ") + fields[i];
    if (levels[i] > 1) text += fmt::format("({})", levels[i]);
  }
  return text;
}

// "  label     text", the text broken at blanks to the width of a page.
std::string line(const std::string& label, const std::string& text) {
  constexpr std::size_t k_indent = 16;
  std::string result = fmt::format("    {:<12}", label);
  std::size_t column = k_indent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (column > k_indent && column + end - at + 1 > k_width) {
      result += "\n" + std::string(k_indent, ' ');
      column = k_indent;
    } else if (at > 0) {
      result += ' ';
      ++column;
    }
    result += text.substr(at, end - at);
    column += end - at;
    at = end + 1;
  }
  return result + "\n";
}

std::string network_line(const NetworkSpec& network, const NetworkTrial& trial) {
  std::string text = source_words(network.source);
  if (trial.size.parameters > 0) text += fmt::format(", {} parameters", trial.size.parameters);
  if (!network.is_computed()) return text;
  return text + (trial.forward ? ", opened and tried" : trial.opened ? ", opened" : ", not opened");
}

std::string bytes_line(const NetworkSpec& network, const RouteSizes& sizes) {
  const char* wire = word_of(network.wire);
  if (sizes.in_bytes == k_unknown)
    return fmt::format("{}; give points and levels of component {} to see how much", wire, network.component);
  const std::string truth =
      sizes.truth_bytes > 0 ? fmt::format(" and {} of truth", bytes_words(sizes.truth_bytes)) : "";
  // Adjoints come in as outputs go out, and the other way round.
  const std::string adjoints = network.tape > 0 ? ", adjoints the same the other way" : "";
  const std::string part = network.training.targets.empty() ? "" : ", less outputs that the component does not define";
  return fmt::format("{} in{}, {} out an exchange{}{}, {}", bytes_words(sizes.in_bytes), truth,
                     bytes_words(sizes.out_bytes), adjoints, part, wire);
}

std::string ranks_line(const NetworkSpec& network, int first_rank) {
  const std::string ranks = network.ranks == 1 ? fmt::format("{}", first_rank)
                                               : fmt::format("{} to {}", first_rank, first_rank + network.ranks - 1);
  return fmt::format("{}; device {}, {} thread{} each", ranks, joined(network.devices, ", "), network.threads,
                     network.threads == 1 ? "" : "s");
}

// What it costs that ranks which share a tile run it each.
std::string inline_line(const NetworkSpec& network, const RouteSizes& sizes) {
  const std::string& device = network.devices.front();
  const std::int64_t tile = tile_samples(network, device != "cpu" && device != "auto");
  const std::string text = fmt::format(
      "in each rank of component {} that has points: device {}, {} thread{}; a rank runs every tile of {} that it has "
      "rows of, zeros in place of other ranks' rows",
      network.component, device == "auto" ? "cpu" : device, network.threads, network.threads == 1 ? "" : "s", tile);
  if (sizes.points == k_unknown || sizes.points == 0) return text;
  const std::int64_t tiles = (sizes.points + tile - 1) / tile;
  return text + fmt::format(
                    "; {} tile{} in all, of which N ranks run {} + N - 1 at most together if the ids of each "
                    "are consecutive, up to {} x N if they are scattered",
                    tiles, tiles == 1 ? "" : "s", tiles, tiles);
}

std::string inline_memory_line(const NetworkTrial& trial) {
  return "LibTorch in each of these ranks" +
         (trial.size.bytes > 0 ? fmt::format(", {} of weights", bytes_words(trial.size.bytes)) : "");
}

std::string memory_line(const NetworkSpec& network, const RouteSizes& sizes, const NetworkTrial& trial) {
  std::vector<std::string> parts;
  if (sizes.buffer_bytes != k_unknown) {
    parts.push_back(fmt::format("{} of chunk buffers ({} chunk{}{})", bytes_words(sizes.buffer_bytes),
                                sizes.most_chunks, sizes.most_chunks == 1 ? "" : "s",
                                network.lag > 0 ? ", twice for the lag" : ""));
  }
  if (trial.size.bytes > 0) parts.push_back(bytes_words(trial.size.bytes) + " of weights");
  return parts.empty() ? "not known without points and levels" : "each at most " + joined(parts, " and ");
}

// What learning and tapes take besides; "" without them.
std::string learning_memory_line(const NetworkSpec& network, const RouteSizes& sizes, const NetworkTrial& trial) {
  const std::int64_t weights = trial.size.bytes > 0 ? trial.size.bytes : k_unknown;
  const LearningSizes found = learning_sizes(network, sizes, trial.learned, weights);
  std::vector<std::string> parts, unknown;
  const auto add = [&](std::int64_t bytes, const char* what) {
    if (bytes == k_unknown) unknown.push_back(what);
    if (bytes > 0) parts.push_back(fmt::format("{} of {}", bytes_words(bytes), what));
  };
  add(found.lessons, "copies to learn from");
  add(found.replay, "replay");
  add(found.gradient, network.reproducible == Reproducible::bfb ? "gradients by chunk" : "gradients");
  add(found.optimizer, "optimizer state");
  add(found.best, "best weights");
  add(found.tape, found.more_on_tape ? "tape without the activations of the network" : "tape");
  std::string text = parts.empty() ? "" : "each at most " + joined(parts, ", ");
  if (!unknown.empty())
    text += fmt::format("{}not known without points, levels or the network: {}", text.empty() ? "" : "; ",
                        joined(unknown, ", "));
  return text;
}

std::string guard_line(const Guard& guard) {
  constexpr const char* k_actions[] = {"clip", "fall back", "abort"};
  std::string text;
  for (const auto& [field, rule] : guard.fields)
    text += fmt::format("{} in [{}, {}], else {}{}; ", field, rule.min, rule.max,
                        k_actions[static_cast<std::size_t>(rule.on_violation)],
                        rule.fallback.empty() ? "" : " (from " + rule.fallback + ")");
  return text + fmt::format("not finite: {}", k_actions[static_cast<std::size_t>(guard.nonfinite)]);
}

// "heating from heating_true, moistening from moistening_true".
std::string truth_line(const TrainingSpec& training) {
  std::vector<std::string> pairs;
  for (const auto& [output, target] : training.targets) pairs.push_back(fmt::format("{} from {}", output, target));
  const std::string late =
      training.delay == 0 ? ""
                          : fmt::format(", put {} exchange{} later", training.delay, training.delay == 1 ? "" : "s");
  return joined(pairs, ", ") + late;
}

std::string resume_words(const std::string& resume) {
  return resume == "latest" ? "goes on from the latest checkpoint, if there is one" : "goes on from " + resume;
}

std::string course_line(const TrainingSpec& training) {
  const ValidationSpec& validation = training.validation;
  std::vector<std::string> parts;
  if (validation.fraction > 0.0)
    parts.push_back(fmt::format("{:.4g} % of the points validate", 100.0 * validation.fraction));
  if (training.patience > 0) parts.push_back(fmt::format("stops after {} without progress", training.patience));
  if (training.replay.capacity > 0) parts.push_back(fmt::format("replay of {} samples", training.replay.capacity));
  if (!training.checkpoint.directory.empty())
    parts.push_back(fmt::format("checkpoint every {} steps", training.checkpoint.every));
  if (!training.resume.empty()) parts.push_back(resume_words(training.resume));
  if (!training.csv.empty()) parts.push_back("log " + training.csv);
  return joined(parts, "; ");
}

std::string training_lines(const NetworkSpec& network) {
  const TrainingSpec& training = network.training;
  if (!training.given && network.tape == 0) return "";
  std::string text;
  if (!training.targets.empty()) text += line("learns", truth_line(training));
  text += line("loss", loss_words(network));
  if (!training.given) return text;
  text += line("optimizer", learning_words(network));
  const std::string course = course_line(training);
  return course.empty() ? text : text + line("course", course);
}

}  // namespace

std::string plan_summary(const Plan& plan, const std::vector<NetworkTrial>& trials, std::int64_t resident) {
  std::string text = "components\n";
  for (const ComponentSpec& component : plan.components)
    text += fmt::format("  {}{}\n", component.name, component_words(component));
  text += "networks\n";
  int first_rank = 0;
  for (std::size_t n = 0; n < plan.networks.size(); ++n) {
    const NetworkSpec& network = plan.networks[n];
    const RouteSizes sizes = sizes_of(plan, network);
    text += fmt::format("  {}\n", network.name);
    text += line("runs", network_line(network, trials[n]));
    text += line("route", fmt::format("{}: {} -> {}", network.component, field_list(plan, network, network.inputs),
                                      field_list(plan, network, network.outputs)));
    text += line("when", exchange_words(plan, network));
    text += line("chunks", fmt::format("{}; tiles of {} on a CPU, {} on a GPU", chunk_words(sizes, network),
                                       tile_samples(network, false), tile_samples(network, true)));
    text += line("bytes", bytes_line(network, sizes));
    text += network.is_inline() ? line("inline", inline_line(network, sizes))
                                : line("ML ranks", ranks_line(network, first_rank));
    text +=
        line("memory", network.is_inline() ? inline_memory_line(trials[n]) : memory_line(network, sizes, trials[n]));
    const std::string learning = learning_memory_line(network, sizes, trials[n]);
    if (!learning.empty()) text += line("to learn", learning);
    text += training_lines(network);
    if (network.guard.given) text += line("guard", guard_line(network.guard));
    const std::string record = record_words(plan, network);
    if (!record.empty()) text += line("records", record);
    first_rank += network.ranks;
  }
  const bool loaded = std::any_of(trials.begin(), trials.end(), [](const NetworkTrial& trial) { return trial.opened; });
  text += first_rank == 0
              ? fmt::format("no ML rank; start with: EKMAN_PLAN={} mpirun -np N ./model\n", plan.file)
              : fmt::format("{} ML rank{} in all; start with: mpirun -np N ./model : -np {} ekman serve {}\n",
                            first_rank, first_rank == 1 ? "" : "s", first_rank, plan.file);
  if (loaded) text += fmt::format("this process and all networks in it: {}\n", bytes_words(resident));
  return text;
}

}  // namespace ekman
