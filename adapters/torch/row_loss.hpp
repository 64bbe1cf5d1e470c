// The loss of a tile: LibTorch's own losses without reduction, since weights, masks and the mean over the globe
// are ours.
#pragma once

#include "adapters/torch/compat.hpp"
#include "coupler/plan/training_spec.hpp"

namespace ekman {

// The sum over rows of weight times loss, []. output: [rows, levels]; target: the same, or [rows, 1] with the class of
// each row for cross_entropy and nll; weights: [rows], none negative. The loss of a row is the mean over its levels.
// Differentiable in `output`; rows of weight 0 have no part in the sum nor in the gradient, whatever their target is.
// `all_alike`: every weight is 1. Not for losses of the user's own.
at::Tensor weighted_loss(const LossTerm& term, const at::Tensor& output, const at::Tensor& target,
                         const at::Tensor& weights, bool all_alike = false);

}  // namespace ekman
