// Implements training_from_yaml.hpp.
#include "adapters/yaml/training_from_yaml.hpp"

#include <fmt/format.h>

#include <optional>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/training_options.hpp"
#include "adapters/yaml/tree_values.hpp"
#include "coupler/base/joined.hpp"

namespace ekman {
namespace {

const std::string k_row = "networks.*.training";

class TrainingReader {
 public:
  TrainingReader(const std::string& path, const std::string& plan_file, Diagnostics& diagnostics)
      : path_(path), plan_file_(plan_file), diagnostics_(diagnostics) {}

  TrainingSpec read(const Tree& tree) {
    TrainingSpec spec;
    spec.given = true;
    for (const Entry& entry : child(tree, "targets").entries)
      if (is_mine(entry.key)) spec.targets[entry.key] = entry.value.scalar;
    spec.weights = text_of(tree, k_row + ".weights");
    for (const Tree& item : child(tree, "loss").items) {
      const std::string here = fmt::format("{}.loss[{}]", path_, spec.loss.size());
      spec.loss.push_back(read_term(item, here));
    }
    if (tree.find("trainable")) spec.trainable = texts_of(child(tree, "trainable"));
    spec.frozen = texts_of(child(tree, "frozen"));
    spec.optimizer = read_optimizer(child(tree, "optimizer"));
    if (tree.find("schedule")) spec.schedule = read_schedule(child(tree, "schedule"));
    read_course(tree, spec);
    read_files(tree, spec);
    return spec;
  }

 private:
  // The one key of `tree` that is a word of Choice; nothing if there is not exactly one, which is reported.
  template <class Choice>
  std::optional<Choice> only_form(const Tree& tree, const std::string& path, const char* name) {
    std::vector<std::string> given;
    for (const char* word : words_of(Choice{}))
      if (tree.find(word)) given.push_back(word);
    if (given.size() == 1) return choice_of<Choice>(given.front());
    if (!given.empty() || !diagnostics_.any_below(path))
      diagnostics_.add(diagnostics_.position_of(path), path,
                       fmt::format("{} takes exactly one of {}; found {}", name, joined(words_of(Choice{}), ", "),
                                   given.empty() ? "none" : joined(given, " and ")));
    return std::nullopt;
  }

  // Those options that `row` has in the table.
  template <class Spec, class Options>
  static void read_reals(const Tree& tree, const std::string& row, const Options& options, Spec& spec) {
    for (const auto& option : options)
      if (find_key(row + option.name)) spec.*option.member = real_of(tree, row + option.name, spec.*option.member);
  }
  template <class Spec, class Options>
  static void read_integers(const Tree& tree, const std::string& row, const Options& options, Spec& spec) {
    for (const auto& option : options)
      if (find_key(row + option.name)) spec.*option.member = integer_of(tree, row + option.name, spec.*option.member);
  }

  LossTerm read_term(const Tree& item, const std::string& path) {
    LossTerm term;
    const std::optional<LossKind> kind = only_form<LossKind>(item, path, "a term of the loss");
    if (!kind) return term;
    term.kind = *kind;
    term.weight = real_of(item, k_row + ".loss[].weight", 1.0);
    const std::string word = word_of(*kind), row = k_row + ".loss[]." + word;
    if (is_users_own(*kind)) {
      term.source = text_of(item, row);
      if (*kind == LossKind::torchscript) term.source = beside_plan(plan_file_, term.source);
      term.extra = texts_of(child(item, "extra"));
      return term;
    }
    if (item.find("extra") && !diagnostics_.touches(path + ".extra"))
      diagnostics_.add(diagnostics_.position_of(path + ".extra"), path + ".extra",
                       fmt::format("key \"extra\" belongs to method and torchscript, not to {}; take it out", word));
    term.fields = texts_of(child(child(item, word), "fields"));
    read_reals(child(item, word), row + ".", k_loss_reals, term);
    return term;
  }

  OptimizerSpec read_optimizer(const Tree& tree) {
    OptimizerSpec spec;
    const std::string path = path_ + ".optimizer";
    const std::optional<OptimizerKind> kind = only_form<OptimizerKind>(tree, path, "key \"optimizer\"");
    if (!kind) return spec;
    spec.kind = *kind;
    const std::string word = word_of(*kind), row = k_row + ".optimizer." + word + ".";
    const Tree& form = child(tree, word);
    read_reals(form, row, k_optimizer_reals, spec);
    read_integers(form, row, k_optimizer_counts, spec);
    for (const auto& option : k_optimizer_flags)
      if (find_key(row + option.name)) spec.*option.member = text_of(form, row + option.name) == "on";
    if (form.find("betas")) read_betas(child(form, "betas"), path + "." + word + ".betas", spec);
    return spec;
  }

  void read_betas(const Tree& list, const std::string& path, OptimizerSpec& spec) {
    const std::vector<double> betas = reals_of(list);
    if (diagnostics_.touches(path)) return;
    if (betas.size() == 2) {
      spec.beta1 = betas[0];
      spec.beta2 = betas[1];
    } else {
      diagnostics_.add(diagnostics_.position_of(path), path,
                       fmt::format("key \"betas\" must be two numbers, as in [0.9, 0.999]; found {}", betas.size()));
    }
  }

  ScheduleSpec read_schedule(const Tree& tree) {
    ScheduleSpec spec;
    const std::optional<ScheduleKind> kind = only_form<ScheduleKind>(tree, path_ + ".schedule", "key \"schedule\"");
    if (!kind) return spec;
    spec.kind = *kind;
    const std::string word = word_of(*kind), row = k_row + ".schedule." + word + ".";
    read_reals(child(tree, word), row, k_schedule_reals, spec);
    read_integers(child(tree, word), row, k_schedule_counts, spec);
    return spec;
  }

  static void read_course(const Tree& tree, TrainingSpec& spec) {
    spec.delay = integer_of(tree, k_row + ".delay");
    spec.accumulate = integer_of(tree, k_row + ".accumulate");
    spec.clip_norm = real_of(tree, k_row + ".clip_norm");
    spec.clip_value = real_of(tree, k_row + ".clip_value");
    spec.seed = integer_of(tree, k_row + ".seed");
    spec.patience = integer_of(tree, k_row + ".patience");
    spec.max_bad_steps = integer_of(tree, k_row + ".max_bad_steps");
    spec.verify = text_of(tree, k_row + ".verify") == "on";
    if (tree.find("validation")) {
      const Tree& validation = child(tree, "validation");
      spec.validation.fraction = real_of(validation, k_row + ".validation.fraction");
      spec.validation.block = integer_of(validation, k_row + ".validation.block");
      spec.validation.every = integer_of(validation, k_row + ".validation.every");
    }
    if (tree.find("replay")) {
      const Tree& replay = child(tree, "replay");
      spec.replay.capacity = integer_of(replay, k_row + ".replay.capacity");
      spec.replay.batches = integer_of(replay, k_row + ".replay.batches");
    }
    if (tree.find("offline")) read_offline(child(tree, "offline"), spec.offline);
  }

  static void read_offline(const Tree& tree, OfflineSpec& spec) {
    const std::string row = k_row + ".offline";
    spec.given = true;
    spec.epochs = integer_of(tree, row + ".epochs");
    spec.batch = integer_of(tree, row + ".batch");
    spec.shuffle = text_of(tree, row + ".shuffle") == "on";
    const Tree& split = child(tree, "split");
    spec.split.train = real_of(split, row + ".split.train");
    spec.split.validation = real_of(split, row + ".split.validation");
    spec.split.test = real_of(split, row + ".split.test");
    spec.split.rule = choice_of<SplitRule>(text_of(split, row + ".split.by")).value_or(SplitRule::time);
    spec.split.block = integer_of(split, row + ".split.block");
    spec.split.gap = integer_of(split, row + ".split.gap");
    spec.split.seed = integer_of(split, row + ".split.seed");
  }

  void read_files(const Tree& tree, TrainingSpec& spec) const {
    if (tree.find("checkpoint")) {
      const Tree& checkpoint = child(tree, "checkpoint");
      spec.checkpoint.directory = text_of(checkpoint, k_row + ".checkpoint.directory");
      spec.checkpoint.every = integer_of(checkpoint, k_row + ".checkpoint.every");
      spec.checkpoint.keep = integer_of(checkpoint, k_row + ".checkpoint.keep");
    }
    spec.resume = text_of(tree, k_row + ".resume");
    if (!resumes_from_directory(spec)) spec.resume = beside_plan(plan_file_, spec.resume);
    const Tree& log = child(tree, "log");
    spec.csv = text_of(log, k_row + ".log.csv");
    spec.tensorboard = text_of(log, k_row + ".log.tensorboard");
  }

  std::string path_;
  std::string plan_file_;
  Diagnostics& diagnostics_;
};

}  // namespace

TrainingSpec read_training(const Tree& tree, const std::string& path, const std::string& plan_file,
                           Diagnostics& diagnostics) {
  return TrainingReader(path, plan_file, diagnostics).read(tree);
}

}  // namespace ekman
