// LibTorch's optimizer for a plan's.
#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "coupler/plan/training_spec.hpp"

namespace ekman {

// lbfgs makes one iteration in a step, from one loss and gradient.
// Over one flat buffer it equals the same over the single parameters, to rounding: each works value by value, or on all
// (lbfgs).
std::unique_ptr<torch::optim::Optimizer> make_optimizer(const OptimizerSpec& spec,
                                                        const std::vector<at::Tensor>& parameters);

void set_learning_rate(torch::optim::Optimizer& optimizer, double lr);

// Of the gradient in place: first each value to [-clip_value, clip_value], then all to a norm of at most clip_norm; 0:
// not. Returns the norm before.
double clip_gradient(at::Tensor gradient, double clip_norm, double clip_value);

}  // namespace ekman
