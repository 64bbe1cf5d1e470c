// Implements optimizer.hpp.
#include "adapters/torch/optimizer.hpp"

#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <tuple>

namespace ekman {

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const OptimizerSpec& spec,
                                                        const std::vector<at::Tensor>& parameters) {
  namespace optim = torch::optim;
  const auto betas = std::make_tuple(spec.beta1, spec.beta2);
  switch (spec.kind) {
    case OptimizerKind::sgd:
      return std::make_unique<optim::SGD>(parameters, optim::SGDOptions(spec.lr)
                                                          .momentum(spec.momentum)
                                                          .dampening(spec.dampening)
                                                          .weight_decay(spec.weight_decay)
                                                          .nesterov(spec.nesterov));
    case OptimizerKind::adam:
      return std::make_unique<optim::Adam>(
          parameters,
          optim::AdamOptions(spec.lr).betas(betas).eps(spec.eps).weight_decay(spec.weight_decay).amsgrad(spec.amsgrad));
    case OptimizerKind::rmsprop:
      return std::make_unique<optim::RMSprop>(parameters, optim::RMSpropOptions(spec.lr)
                                                              .alpha(spec.alpha)
                                                              .eps(spec.eps)
                                                              .weight_decay(spec.weight_decay)
                                                              .momentum(spec.momentum)
                                                              .centered(spec.centered));
    case OptimizerKind::adagrad:
      return std::make_unique<optim::Adagrad>(parameters, optim::AdagradOptions(spec.lr)
                                                              .lr_decay(spec.lr_decay)
                                                              .weight_decay(spec.weight_decay)
                                                              .initial_accumulator_value(spec.initial_accumulator)
                                                              .eps(spec.eps));
    case OptimizerKind::lbfgs: {
      optim::LBFGSOptions options(spec.lr);
      options.max_iter(1)
          .history_size(spec.history)
          .tolerance_grad(spec.tolerance_grad)
          .tolerance_change(spec.tolerance_change);
      return std::make_unique<optim::LBFGS>(parameters, options);
    }
    case OptimizerKind::adamw:
      break;
  }
  return std::make_unique<optim::AdamW>(
      parameters,
      optim::AdamWOptions(spec.lr).betas(betas).eps(spec.eps).weight_decay(spec.weight_decay).amsgrad(spec.amsgrad));
}

void set_learning_rate(torch::optim::Optimizer& optimizer, double lr) {
  for (auto& group : optimizer.param_groups()) group.options().set_lr(lr);
}

double clip_gradient(at::Tensor gradient, double clip_norm, double clip_value) {
  at::NoGradGuard no_grad;
  const double norm = gradient.norm().item<double>();
  if (clip_value > 0.0) gradient.clamp_(-clip_value, clip_value);
  if (clip_norm > 0.0) {
    const double now = clip_value > 0.0 ? gradient.norm().item<double>() : norm;
    // As torch.nn.utils.clip_grad_norm_ has it.
    const double factor = clip_norm / (now + 1e-6);
    if (factor < 1.0) gradient.mul_(factor);
  }
  return norm;
}

}  // namespace ekman
