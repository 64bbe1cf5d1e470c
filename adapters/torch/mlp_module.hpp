// The layers of the built-in mlp as a module: linear ones with an activation between them.
#pragma once

#include <torch/nn/modules/linear.h>

#include <string>
#include <vector>

#include "adapters/torch/builtin_parts.hpp"

namespace ekman {

// Parameters are named as in a torch.nn.Sequential of layers and activations: 0.weight, 0.bias, 2.weight ...
class MlpModule final : public NetworkModule {
 public:
  MlpModule(std::int64_t inputs, const std::vector<std::int64_t>& hidden, std::int64_t outputs,
            const std::string& activation, std::uint64_t seed);

  at::Tensor forward(const at::Tensor& x) override;
  const std::vector<torch::nn::Linear>& linear() const { return linear_; }

 private:
  Activation activation_;
  std::vector<torch::nn::Linear> linear_;
};

}  // namespace ekman
