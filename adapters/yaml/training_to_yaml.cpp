// Implements training_to_yaml.hpp.
#include "adapters/yaml/training_to_yaml.hpp"

#include <filesystem>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/training_options.hpp"

namespace ekman {
namespace {

const std::string k_row = "networks.*.training";

std::string absolute(const std::string& file) {
  return file.empty() ? file : std::filesystem::absolute(file).lexically_normal().string();
}

template <class Spec, class Options>
void add_reals(const Spec& spec, const Options& options, Values& values) {
  for (const auto& option : options) values[option.name] = real(spec.*option.member);
}

template <class Spec, class Options>
void add_integers(const Spec& spec, const Options& options, Values& values) {
  for (const auto& option : options) values[option.name] = number(spec.*option.member);
}

// `{word: {...}}`, of `values` those that the word has in the table.
Write form(const std::string& pattern, const std::string& word, const Values& values) {
  return mapping(pattern, {{word, mapping(pattern + "." + word, values)}}, true);
}

Write term_of(const LossTerm& term) {
  const std::string pattern = k_row + ".loss[]", word = word_of(term.kind);
  Values values{{"weight", real(term.weight)}, {"extra", given(!term.extra.empty(), texts(term.extra))}};
  if (is_users_own(term.kind)) {
    values[word] = text(term.kind == LossKind::torchscript ? absolute(term.source) : term.source);
  } else {
    Values options{{"fields", texts(term.fields)}};
    add_reals(term, k_loss_reals, options);
    values[word] = mapping(pattern + "." + word, options);
  }
  return mapping(pattern, values, true);
}

Write loss_of(const std::vector<LossTerm>& terms) {
  return [=](YAML::Emitter& out) {
    out << YAML::BeginSeq;
    for (const LossTerm& term : terms) term_of(term)(out);
    out << YAML::EndSeq;
  };
}

Write optimizer_of(const OptimizerSpec& spec) {
  Values values;
  add_reals(spec, k_optimizer_reals, values);
  add_integers(spec, k_optimizer_counts, values);
  for (const auto& option : k_optimizer_flags) values[option.name] = text(spec.*option.member ? "on" : "off");
  values["betas"] = reals({spec.beta1, spec.beta2});
  return form(k_row + ".optimizer", word_of(spec.kind), values);
}

Write schedule_of(const ScheduleSpec& spec) {
  Values values;
  add_reals(spec, k_schedule_reals, values);
  add_integers(spec, k_schedule_counts, values);
  return form(k_row + ".schedule", word_of(spec.kind), values);
}

Write validation_of(const ValidationSpec& validation) {
  return mapping(k_row + ".validation",
                 {{"fraction", real(validation.fraction)},
                  {"block", number(validation.block)},
                  {"every", number(validation.every)}},
                 true);
}

Write replay_of(const ReplaySpec& replay) {
  return mapping(k_row + ".replay", {{"capacity", number(replay.capacity)}, {"batches", number(replay.batches)}}, true);
}

Write checkpoint_of(const CheckpointSpec& checkpoint) {
  return mapping(k_row + ".checkpoint",
                 {{"directory", text(checkpoint.directory)},
                  {"every", number(checkpoint.every)},
                  {"keep", number(checkpoint.keep)}},
                 true);
}

Write log_of(const TrainingSpec& training) {
  return mapping(k_row + ".log",
                 {{"csv", given(!training.csv.empty(), text(training.csv))},
                  {"tensorboard", given(!training.tensorboard.empty(), text(training.tensorboard))}},
                 true);
}

Write offline_of(const OfflineSpec& offline) {
  const SplitSpec& split = offline.split;
  return mapping(k_row + ".offline", {{"epochs", number(offline.epochs)},
                                      {"batch", number(offline.batch)},
                                      {"shuffle", text(offline.shuffle ? "on" : "off")},
                                      {"split", mapping(k_row + ".offline.split",
                                                        {{"train", real(split.train)},
                                                         {"validation", real(split.validation)},
                                                         {"test", real(split.test)},
                                                         {"by", text(word_of(split.rule))},
                                                         {"block", number(split.block)},
                                                         {"gap", number(split.gap)},
                                                         {"seed", number(split.seed)}},
                                                        true)}});
}

bool is_given(const ValidationSpec& validation) {
  return validation.fraction != 0.0 || validation.block != 1 || validation.every != 1;
}

}  // namespace

Write training_of(const TrainingSpec& training) {
  const bool has_log = !training.csv.empty() || !training.tensorboard.empty();
  const std::string resume = resumes_from_directory(training) ? training.resume : absolute(training.resume);
  return mapping(k_row,
                 {{"targets", given(!training.targets.empty(), named(training.targets, text))},
                  {"weights", given(!training.weights.empty(), text(training.weights))},
                  {"loss", given(!training.loss.empty(), loss_of(training.loss))},
                  {"trainable", texts(training.trainable)},
                  {"frozen", given(!training.frozen.empty(), texts(training.frozen))},
                  {"optimizer", optimizer_of(training.optimizer)},
                  {"schedule", schedule_of(training.schedule)},
                  {"delay", number(training.delay)},
                  {"accumulate", number(training.accumulate)},
                  {"clip_norm", real(training.clip_norm)},
                  {"clip_value", real(training.clip_value)},
                  {"seed", number(training.seed)},
                  {"validation", given(is_given(training.validation), validation_of(training.validation))},
                  {"patience", number(training.patience)},
                  {"max_bad_steps", number(training.max_bad_steps)},
                  {"verify", text(training.verify ? "on" : "off")},
                  {"replay", given(training.replay.capacity > 0, replay_of(training.replay))},
                  {"checkpoint", given(!training.checkpoint.directory.empty(), checkpoint_of(training.checkpoint))},
                  {"resume", given(!training.resume.empty(), text(resume))},
                  {"offline", given(training.offline.given, offline_of(training.offline))},
                  {"log", given(has_log, log_of(training))}});
}

}  // namespace ekman
