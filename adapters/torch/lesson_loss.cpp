// Implements lesson_loss.hpp.
#include "adapters/torch/lesson_loss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/torch/row_loss.hpp"
#include "adapters/torch/row_slots.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

bool is_own(LossKind kind) { return kind == LossKind::method || kind == LossKind::torchscript; }
bool of_classes(LossKind kind) { return kind == LossKind::cross_entropy || kind == LossKind::nll; }

// Classes and the truth of logits are what they are.
RowNormalization of_target(const NetworkSpec& spec, const LossTerm& term, const FieldSlot& output,
                           at::TensorOptions options) {
  if (of_classes(term.kind) || term.kind == LossKind::bce_with_logits) return {};
  return row_normalization(spec, {{{output.name, output.levels, 0}}}, options);
}

// No copy where none is needed: a pass over a tile is a percent of a step of a small network.
at::Tensor side_by_side(const std::vector<at::Tensor>& columns) {
  return columns.size() == 1 ? columns.front() : at::cat(columns, 1);
}

// No part of a row where all of it is meant: the gradient of a part is a copy into zeros.
at::Tensor columns_of(const at::Tensor& rows, const FieldSlot& slot) {
  if (slot.levels == rows.size(1)) return rows;
  return rows.narrow(1, slot.offset, slot.levels);
}

}  // namespace

LessonLoss::LessonLoss(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out, const RowLayout& truth,
                       const torch::jit::Module* script, std::int64_t tile_rows, at::TensorOptions options)
    : name_(spec.name) {
  for (const LossTerm& term : spec.training.loss) {
    terms_.push_back({term, {}, {}});
    for (const std::string& field : term.fields) {
      const FieldSlot output = slot_of(out, field);
      terms_.back().pairs.push_back(
          {output, slot_of(truth, spec.training.targets.at(field)), of_target(spec, term, output, options)});
    }
    if (is_own(term.kind)) {
      terms_.back().own.emplace_back(spec, term, in, out, truth, script, options);
    } else {
      check(spec, terms_.back());
    }
  }
  try_terms(at::ones({tile_rows, in.row_len()}, options), at::zeros({tile_rows, truth.row_len()}, options),
            at::full({tile_rows, out.row_len()}, 0.5, options));
}

// All rows count, so that a term without a gradient has none for any tile.
void LessonLoss::try_terms(const at::Tensor& in, const at::Tensor& truth, const at::Tensor& out) const {
  const at::AutoGradMode gradients(true);
  const at::Tensor weights = at::ones({in.size(0)}, in.options());
  const std::vector<at::Tensor> tried = sums({in, truth, out.requires_grad_(true), weights});
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    if (terms_[t].term.weight != 0.0 && !tried[t].requires_grad()) terms_[t].own.front().fail_without_gradient();
  }
}

void LessonLoss::check(const NetworkSpec& spec, const Term& term) const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::network, fmt::format("network \"{}\": {}", spec.name, what));
  };
  const bool classes = of_classes(term.term.kind);
  if (classes && term.pairs.size() != 1) {
    fail(
        fmt::format("cross_entropy and nll compare one output with its class, not {} outputs; give each a term of its "
                    "own",
                    term.pairs.size()));
  }
  for (const Pair& pair : term.pairs) {
    const std::int64_t asked = classes ? 1 : pair.output.levels;
    if (pair.target.levels == asked) continue;
    fail(fmt::format(
        "the target \"{}\" of output \"{}\" has {} levels, its loss needs {}{}; define the field with as "
        "many",
        pair.target.name, pair.output.name, pair.target.levels, asked, classes ? ", the number of the class" : ""));
  }
}

void LessonLoss::check_classes(const at::Tensor& truth, const at::Tensor& weights, const std::int64_t* ids) const {
  for (const Term& term : terms_) {
    if (!of_classes(term.term.kind)) continue;
    const Pair& pair = term.pairs.front();
    const at::Tensor value = truth.select(1, pair.target.offset);
    const at::Tensor is_class =
        value.ge(0).logical_and(value.lt(pair.output.levels)).logical_and(value.eq(value.floor()));
    const at::Tensor wrong = weights.gt(0).logical_and(is_class.logical_not()).nonzero();
    if (wrong.numel() == 0) continue;
    const std::int64_t row = wrong[0].item<std::int64_t>();
    throw Error(
        ErrorCode::network,
        fmt::format("network \"{}\": the target \"{}\" is {} at global id {}, which is no class: output \"{}\" has "
                    "{} levels, which are classes 0 to {}; put the number of a class, and weight 0 for points "
                    "that have none",
                    name_, pair.target.name, value[row].item<double>(), ids[row], pair.output.name, pair.output.levels,
                    pair.output.levels - 1));
  }
}

std::vector<at::Tensor> LessonLoss::sums(const LossRows& rows) const {
  // A row without weight passes no gradient, whatever its output is.
  const at::Tensor out =
      rows.all_alike ? rows.out : at::where(rows.weights.gt(0).unsqueeze(1), rows.out, at::zeros_like(rows.out));
  std::vector<at::Tensor> sums;
  for (const Term& term : terms_) {
    if (!term.own.empty()) {
      sums.push_back(term.own.front().weighted({rows.in, rows.truth, out, rows.weights, rows.all_alike}));
      continue;
    }
    std::vector<at::Tensor> outputs, truths;
    for (const Pair& pair : term.pairs) {
      outputs.push_back(columns_of(out, pair.output));
      truths.push_back(pair.normalize.normalised(columns_of(rows.truth, pair.target)));
    }
    sums.push_back(weighted_loss(term.term, side_by_side(outputs), side_by_side(truths), rows.weights, rows.all_alike));
  }
  return sums;
}

bool LessonLoss::has_own() const {
  return std::any_of(terms_.begin(), terms_.end(), [](const Term& term) { return !term.own.empty(); });
}

at::Tensor LessonLoss::total(const std::vector<at::Tensor>& sums) const {
  at::Tensor all = at::zeros_like(sums.front());
  for (std::size_t t = 0; t < sums.size(); ++t) all = all + terms_[t].term.weight * sums[t];
  return all;
}

}  // namespace ekman
