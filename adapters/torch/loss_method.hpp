// The TorchScript method of a loss of the user's own: opened, and its three arguments looked at. Needs no rows.
#pragma once

#include <string>

#include "adapters/torch/compat.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// What an argument is, as the method's schema says.
enum class LossForm { tensor, dict };

struct LossMethod {
  std::string who;  // for messages: network, method and file
  torch::jit::Module module;
  std::string name;
  LossForm forms[3] = {LossForm::tensor, LossForm::tensor, LossForm::tensor};  // outputs, targets, inputs
};

// `term` is of the kind method, then of `script`, which is the network's or null, or torchscript. Throws Error(network)
// for a file or method that is not there, or does not take a tensor or a Dict[str, Tensor] three times.
LossMethod open_loss(const NetworkSpec& spec, const LossTerm& term, const torch::jit::Module* script,
                     at::TensorOptions options);

}  // namespace ekman
