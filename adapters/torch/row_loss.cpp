// Implements row_loss.hpp.
#include "adapters/torch/row_loss.hpp"

#include <torch/nn/functional/loss.h>

#include "ekman/error.hpp"

namespace ekman {
namespace {

namespace F = torch::nn::functional;

at::Tensor classes_of(const at::Tensor& target) { return target.squeeze(1).to(at::kLong); }

// [rows]
at::Tensor row_loss(const LossTerm& term, const at::Tensor& output, const at::Tensor& target) {
  switch (term.kind) {
    case LossKind::mse:
      return F::mse_loss(output, target, F::MSELossFuncOptions(torch::kNone)).mean(1);
    case LossKind::l1:
      return F::l1_loss(output, target, F::L1LossFuncOptions(torch::kNone)).mean(1);
    case LossKind::huber:
      return F::huber_loss(output, target, F::HuberLossFuncOptions().reduction(torch::kNone).delta(term.delta)).mean(1);
    case LossKind::smooth_l1:
      return F::smooth_l1_loss(output, target, F::SmoothL1LossFuncOptions(torch::kNone), term.beta).mean(1);
    case LossKind::bce_with_logits:
      return F::binary_cross_entropy_with_logits(output, target,
                                                 F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone))
          .mean(1);
    case LossKind::cross_entropy:
      return F::cross_entropy(
          output, classes_of(target),
          F::CrossEntropyFuncOptions().reduction(torch::kNone).label_smoothing(term.label_smoothing));
    case LossKind::nll:
      return F::nll_loss(output, classes_of(target), F::NLLLossFuncOptions().reduction(torch::kNone));
    case LossKind::method:
    case LossKind::torchscript:
      break;
  }
  throw Error(ErrorCode::internal,
              "a loss of the user's own has no rows of ours; this is a mistake in Ekman, report it");
}

}  // namespace

at::Tensor weighted_loss(const LossTerm& term, const at::Tensor& output, const at::Tensor& target,
                         const at::Tensor& weights, bool all_count) {
  // Before the loss: after it the gradient of a masked NaN would be 0 * NaN.
  const at::Tensor known = all_count ? target : at::where((weights > 0).unsqueeze(1), target, at::zeros_like(target));
  return (row_loss(term, output, known) * weights).sum();
}

}  // namespace ekman
