// Implements row_loss.hpp.
#include "adapters/torch/row_loss.hpp"

#include <torch/nn/functional/loss.h>

#include "ekman/error.hpp"

namespace ekman {
namespace {

namespace F = torch::nn::functional;

at::Tensor classes_of(const at::Tensor& target) { return target.squeeze(1).to(at::kLong); }

// [rows], or with `sum` the sum over rows of what the loss of a row is times its levels, [].
at::Tensor row_loss(const LossTerm& term, const at::Tensor& output, const at::Tensor& target, bool sum) {
  const auto reduce = [sum](auto options) {
    if (sum) return options.reduction(torch::kSum);
    return options.reduction(torch::kNone);
  };
  const auto by_row = [sum](const at::Tensor& loss) { return sum ? loss : loss.mean(1); };
  switch (term.kind) {
    case LossKind::mse:
      return by_row(F::mse_loss(output, target, reduce(F::MSELossFuncOptions())));
    case LossKind::l1:
      return by_row(F::l1_loss(output, target, reduce(F::L1LossFuncOptions())));
    case LossKind::huber:
      return by_row(F::huber_loss(output, target, reduce(F::HuberLossFuncOptions().delta(term.delta))));
    case LossKind::smooth_l1:
      return by_row(F::smooth_l1_loss(output, target, reduce(F::SmoothL1LossFuncOptions()), term.beta));
    case LossKind::bce_with_logits:
      return by_row(
          F::binary_cross_entropy_with_logits(output, target, reduce(F::BinaryCrossEntropyWithLogitsFuncOptions())));
    case LossKind::cross_entropy:
      return F::cross_entropy(output, classes_of(target),
                              reduce(F::CrossEntropyFuncOptions().label_smoothing(term.label_smoothing)));
    case LossKind::nll:
      return F::nll_loss(output, classes_of(target), reduce(F::NLLLossFuncOptions()));
    case LossKind::method:
    case LossKind::torchscript:
      break;
  }
  throw Error(ErrorCode::internal,
              "a loss of the user's own has no rows of ours; this is a mistake in Ekman, report it");
}

}  // namespace

at::Tensor weighted_loss(const LossTerm& term, const at::Tensor& output, const at::Tensor& target,
                         const at::Tensor& weights, bool all_alike) {
  const bool of_classes = term.kind == LossKind::cross_entropy || term.kind == LossKind::nll;
  // One pass over the rows, and one back.
  if (all_alike) return row_loss(term, output, target, true) / (of_classes ? 1 : output.size(1));
  // Before the loss: after it the gradient of a masked NaN would be 0 * NaN.
  const at::Tensor known = at::where((weights > 0).unsqueeze(1), target, at::zeros_like(target));
  return (row_loss(term, output, known, false) * weights).sum();
}

}  // namespace ekman
