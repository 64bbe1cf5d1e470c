// Implements loss_check.hpp.
#include "coupler/plan/loss_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "coupler/plan/choices.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/plan/sizes.hpp"

namespace ekman {
namespace {

class LossCheck {
 public:
  LossCheck(const Plan& plan, const NetworkSpec& network, const std::string& path, std::vector<Problem>& problems)
      : component_(find_component(plan, network.component)),
        network_(network),
        training_(network.training),
        path_(path),
        problems_(problems),
        output_names_(fields_of(network.outputs)),
        outputs_(output_names_.begin(), output_names_.end()) {
    const std::vector<std::string> inputs = fields_of(network.inputs);
    inputs_.insert(inputs.begin(), inputs.end());
  }

  void check() {
    if (training_.targets.empty())
      add(".targets",
          "training needs targets, or a `tape` for a loss in the component; name the field of true values of each "
          "output that learns, as in `targets: {heating: heating_true}`");
    if (training_.loss.empty())
      add(".loss", "training needs a loss; give it one, as in `loss: [{mse: {fields: [heating]}}]`");
    for (std::size_t i = 0; i < training_.loss.size(); ++i) check_term(training_.loss[i], fmt::format(".loss[{}]", i));
    check_term_weights();
    check_targets();
    check_weights();
  }

 private:
  void add(const std::string& where, const std::string& text) { problems_.push_back({path_ + where, text}); }

  std::string no_output(const std::string& field) const {
    return fmt::format("\"{}\" is no output of network \"{}\"{}", field, network_.name,
                       did_you_mean(field, output_names_, problems_.size(), "; name one of its outputs"));
  }

  // 0: the plan does not tell.
  std::int64_t levels_in_plan(const std::string& field) const {
    return component_ == nullptr ? 0 : levels_of(*component_, {field}).front();
  }

  void check_term(const LossTerm& term, const std::string& where) {
    const std::string here = fmt::format("{}.{}", where, word_of(term.kind));
    has_users_own_ = has_users_own_ || is_users_own(term.kind);
    if (!(term.weight >= 0.0) || std::isinf(term.weight))
      add(where + ".weight", fmt::format("the weight of a term is {}; it must be a number of at least 0", term.weight));
    if (term.kind == LossKind::huber && !(term.delta > 0.0))
      add(here + ".delta", fmt::format("delta is {}; it must be greater than 0", term.delta));
    if (term.kind == LossKind::smooth_l1 && !(term.beta >= 0.0))
      add(here + ".beta", fmt::format("beta is {}; it must be at least 0", term.beta));
    if (term.kind == LossKind::cross_entropy && !(term.label_smoothing >= 0.0 && term.label_smoothing <= 1.0))
      add(here + ".label_smoothing",
          fmt::format("label_smoothing is {}; it must be from 0 to 1", term.label_smoothing));
    if (is_users_own(term.kind)) return check_users_own(term, where);
    if (has_classes(term.kind)) check_classes(term, here);
    for (std::size_t j = 0; j < term.fields.size(); ++j)
      check_field(term, term.fields[j], fmt::format("{}.fields[{}]", here, j));
    check_repeats(term.fields, here + ".fields");
  }

  void check_term_weights() {
    const bool all_are_zero = std::all_of(training_.loss.begin(), training_.loss.end(),
                                          [](const LossTerm& term) { return term.weight == 0.0; });
    if (all_are_zero && !training_.loss.empty())
      add(".loss", "the weights of all terms are 0, so that nothing would be learned; give one a weight above 0");
  }

  void check_users_own(const LossTerm& term, const std::string& where) {
    if (term.kind == LossKind::method && network_.source.kind == SourceKind::builtin)
      add(where + ".method",
          "a built-in network has no methods; write the loss as a file of its own, and name it under `torchscript`");
    for (std::size_t j = 0; j < term.extra.size(); ++j)
      if (outputs_.count(term.extra[j]) > 0)
        add(fmt::format("{}.extra[{}]", where, j),
            fmt::format("\"{}\" is an output of the network, which the loss has anyway; take it out", term.extra[j]));
    check_repeats(term.extra, where + ".extra");
  }

  void check_classes(const LossTerm& term, const std::string& here) {
    if (term.fields.size() != 1)
      add(here + ".fields",
          fmt::format("{} takes one field, whose levels are the classes, and there are {}; write a term "
                      "for each",
                      word_of(term.kind), term.fields.size()));
    if (network_.time_reduction == Reduction::accumulate || network_.time_reduction == Reduction::average)
      add(here, fmt::format("the targets of {} are numbers of classes, which have no {}; take another time_reduction",
                            word_of(term.kind), word_of(network_.time_reduction)));
  }

  void check_field(const LossTerm& term, const std::string& field, const std::string& here) {
    used_.insert(field);
    if (outputs_.count(field) == 0) return add(here, no_output(field));
    if (!training_.targets.empty() && training_.targets.count(field) == 0)
      add(here,
          fmt::format("output \"{}\" has no target; name one under `targets`, or take it out of the term", field));
    const bool is_raw = has_classes(term.kind) || term.kind == LossKind::bce_with_logits;
    if (is_raw && network_.normalize.count(field) > 0)
      add(here,
          fmt::format("output \"{}\" is normalised, and so would be its target, which for {} holds {}; take it out "
                      "of `normalize`",
                      field, word_of(term.kind), has_classes(term.kind) ? "classes" : "probabilities"));
  }

  void check_repeats(const std::vector<std::string>& fields, const std::string& here) {
    std::set<std::string> seen;
    for (std::size_t j = 0; j < fields.size(); ++j)
      if (!seen.insert(fields[j]).second)
        add(fmt::format("{}[{}]", here, j), fmt::format("field \"{}\" is listed twice; name it once", fields[j]));
  }

  void check_targets() {
    std::map<std::string, std::string> owners;
    for (const auto& [output, target] : training_.targets) {
      const std::string here = ".targets." + output;
      if (outputs_.count(output) == 0) {
        add(here, no_output(output));
        continue;
      }
      if (inputs_.count(target) + outputs_.count(target) > 0)
        add(here,
            fmt::format("the target \"{}\" of output \"{}\" is an {} of the network; give the true values a field of "
                        "their own",
                        target, output, inputs_.count(target) > 0 ? "input" : "output"));
      const auto entry = owners.insert({target, output});
      if (!entry.second)
        add(here, fmt::format("field \"{}\" is the target of output \"{}\" already; give each its own", target,
                              entry.first->second));
      if (used_.count(output) == 0 && !has_users_own_ && !training_.loss.empty())
        add(here, fmt::format("no term of the loss takes output \"{}\"; add one, or take its target out", output));
      check_levels(output, target, here);
    }
  }

  void check_levels(const std::string& output, const std::string& target, const std::string& here) {
    const std::int64_t of_output = levels_in_plan(output), found = levels_in_plan(target);
    if (found == 0) return;
    const std::int64_t wanted = levels_of_target(network_, output, of_output);
    if (wanted > 0 && found != wanted)
      add(here,
          fmt::format("the target \"{}\" has {} level{} under `fields`, for output \"{}\" it must have {}; correct "
                      "one of them",
                      target, found, found == 1 ? "" : "s", output, wanted));
  }

  void check_weights() {
    const std::string& weights = training_.weights;
    if (weights.empty()) return;
    if (outputs_.count(weights) > 0)
      add(".weights",
          fmt::format("the weights \"{}\" are an output of the network; name a field that the component puts",
                      weights));
    if (levels_in_plan(weights) > 1)
      add(".weights",
          fmt::format("the weights \"{}\" have {} levels under `fields`, and a point has one weight; name a "
                      "field of one level",
                      weights, levels_in_plan(weights)));
  }

  const ComponentSpec* component_;
  const NetworkSpec& network_;
  const TrainingSpec& training_;
  std::string path_;
  std::vector<Problem>& problems_;
  std::vector<std::string> output_names_;
  std::set<std::string> outputs_;
  std::set<std::string> inputs_;
  std::set<std::string> used_;  // outputs that terms take
  bool has_users_own_ = false;
};

}  // namespace

void check_loss(const Plan& plan, const NetworkSpec& network, const std::string& path, std::vector<Problem>& problems) {
  LossCheck(plan, network, path, problems).check();
}

}  // namespace ekman
