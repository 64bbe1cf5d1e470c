// Implements plan_words.hpp.
#include "coupler/command/plan_words.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/plan/choices.hpp"

namespace ekman {

std::string counted(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string bytes_words(std::int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024.0;
  const char* unit = "KiB";
  for (const char* next : {"MiB", "GiB", "TiB"}) {
    if (value < 1024.0) break;
    value /= 1024.0;
    unit = next;
  }
  return fmt::format("{:.{}f} {}", value, value < 10.0 ? 1 : 0, unit);
}

std::string component_words(const ComponentSpec& component) {
  std::string words;
  if (component.timestep > 0) words += ", step " + duration_text(component.timestep);
  if (component.points >= 0) words += fmt::format(", {} point{}", component.points, component.points == 1 ? "" : "s");
  return words;
}

std::string source_words(const NetworkSource& source) {
  switch (source.kind) {
    case SourceKind::echo:
      return "echo of its inputs";
    case SourceKind::torchscript:
      if (!source.artifact.empty())
        return fmt::format("{} of artifact {}", std::filesystem::path(source.path).filename().string(),
                           (std::filesystem::path(source.artifact) / "").parent_path().filename().string());
      return "TorchScript " + std::filesystem::path(source.path).filename().string();
    case SourceKind::checkpoint:
      return "checkpoint " + std::filesystem::path(source.path).filename().string();
    case SourceKind::none:
      return "nothing: what comes is recorded";
    case SourceKind::builtin:
      break;
  }
  std::string words =
      source.is_own() ? fmt::format("{} of {}", source.name, std::filesystem::path(source.library).filename().string())
                      : "built-in " + source.name;
  for (const auto& [key, argument] : source.arguments)
    words += fmt::format(", {} {}", key, joined(argument.values, " x "));
  return source.is_sleep() ? words : words + fmt::format(", seed {}", source.seed);
}

std::string exchange_words(const Plan& plan, const NetworkSpec& network) {
  const std::int64_t steps = steps_between_exchanges(plan, network);
  const char* lag = network.lag > 0 ? "; get returns the exchange before" : "";
  if (steps == 1) return std::string("exchange in every step") + lag;
  constexpr const char* k_of_inputs[] = {"the last inputs", "sum of inputs", "average of inputs", "minimum of inputs",
                                         "maximum of inputs"};
  return fmt::format("exchange every {} steps ({}), {}{}", steps, duration_text(network.coupling_period),
                     k_of_inputs[static_cast<std::size_t>(network.time_reduction)], lag);
}

std::string chunk_words(const RouteSizes& sizes, const NetworkSpec& network) {
  const std::string sample = network.sample == Sample::grid
                                 ? fmt::format("{} x {} grid", network.grid_ny, network.grid_nx)
                                 : std::string("point");
  const std::string chunk = fmt::format("{} {}{}", network.chunk, sample, network.chunk == 1 ? "" : "s");
  if (sizes.chunks == k_unknown) return "chunks of " + chunk;
  const bool is_ragged = sizes.chunks > 0 && sizes.samples_in_last_chunk != network.chunk;
  return fmt::format("{} chunk{} of {}{}", sizes.chunks, sizes.chunks == 1 ? "" : "s", chunk,
                     is_ragged ? fmt::format(", the last has {}", sizes.samples_in_last_chunk) : "");
}

std::string loss_words(const NetworkSpec& network) {
  const TrainingSpec& training = network.training;
  if (network.tape > 0) return fmt::format("in the component, through adjoints of up to {} exchanges", network.tape);
  std::vector<std::string> terms;
  for (const LossTerm& term : training.loss) {
    const std::string name = term.kind == LossKind::method ? term.source + "()"
                             : term.kind == LossKind::torchscript
                                 ? std::filesystem::path(term.source).filename().string()
                                 : word_of(term.kind);
    terms.push_back(fmt::format("{}{}{}{}", term.weight == 1.0 ? "" : fmt::format("{} ", term.weight), name,
                                term.fields.empty() ? "" : " of ", joined(term.fields, ", ")));
  }
  return joined(terms, " + ") + (training.weights.empty() ? "" : ", weighted by " + training.weights);
}

std::string learning_words(const NetworkSpec& network) {
  const TrainingSpec& training = network.training;
  const ScheduleSpec& schedule = training.schedule;
  const bool has_end = schedule.kind == ScheduleKind::cosine || schedule.kind == ScheduleKind::linear;
  std::string words =
      fmt::format("{}, lr {}, {}", word_of(training.optimizer.kind), training.optimizer.lr, word_of(schedule.kind));
  if (has_end) words += fmt::format(" over {} steps", schedule.steps);
  if (schedule.warmup > 0) words += fmt::format(" after {} of warm-up", schedule.warmup);
  const char* unit = network.tape > 0 ? "tape" : "exchange";
  return words + (training.accumulate == 1 ? fmt::format("; a step each {}", unit)
                                           : fmt::format("; a step in {} {}s", training.accumulate, unit));
}

std::string record_words(const Plan& plan, const NetworkSpec& network) {
  const std::vector<std::string> fields = recorded_fields_of(plan, network);
  if (fields.empty()) return "";
  const RecordSpec& record = plan.record;
  std::string text =
      fmt::format("{} {} to {}", joined(fields, ", "),
                  record.every == 1 ? "every exchange" : fmt::format("every {} exchanges", record.every),
                  (std::filesystem::path(plan.output_directory) / record.file).lexically_normal().string());
  if (record.records_per_file > 0) text += fmt::format(", {} in a file", record.records_per_file);
  const ComponentSpec& component = *find_component(plan, network.component);
  std::int64_t values = 0;
  for (const std::int64_t levels : levels_of(component, network, fields)) {
    if (levels == 0 || component.points < 0) return text + "; give points and levels to see how much";
    values += levels * component.points;
  }
  text += fmt::format("; {} a record before it is compressed", bytes_words(values * real_size(network.wire)));
  if (record.max_bytes > 0) text += fmt::format(", up to {} of files an ML rank", bytes_words(record.max_bytes));
  return text;
}

}  // namespace ekman
