// Implements builtin_parts.hpp.
#include "adapters/torch/builtin_parts.hpp"

#include <fmt/format.h>

#include <cmath>

#include "ekman/error.hpp"

namespace ekman {

Activation activation_of(const std::string& name) {
  if (name == "relu") return [](const at::Tensor& x) { return at::relu(x); };
  if (name == "tanh") return [](const at::Tensor& x) { return at::tanh(x); };
  if (name == "sigmoid") return [](const at::Tensor& x) { return at::sigmoid(x); };
  if (name == "gelu") return [](const at::Tensor& x) { return at::gelu(x); };
  if (name == "silu") return [](const at::Tensor& x) { return at::silu(x); };
  throw Error(ErrorCode::network,
              fmt::format("activation \"{}\" is not known; use relu, tanh, sigmoid, gelu or silu", name));
}

torch::nn::Linear FirstWeights::linear(std::int64_t inputs, std::int64_t outputs) {
  torch::nn::Linear layer(inputs, outputs);
  layer->to(at::kDouble);
  const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
  fill(layer->weight, bound);
  fill(layer->bias, bound);
  return layer;
}

torch::nn::Conv2d FirstWeights::convolution(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel) {
  torch::nn::Conv2d layer(torch::nn::Conv2dOptions(inputs, outputs, kernel));
  layer->to(at::kDouble);
  const double bound = 1.0 / std::sqrt(static_cast<double>(inputs * kernel * kernel));
  fill(layer->weight, bound);
  fill(layer->bias, bound);
  return layer;
}

void FirstWeights::fill(const at::Tensor& parameter, double bound) {
  const at::Tensor values = at::empty(parameter.sizes(), at::kDouble);
  double* value = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const double unit = static_cast<double>(generator_() >> 11) * 0x1.0p-53;
    value[i] = bound * (2.0 * unit - 1.0);
  }
  at::NoGradGuard no_grad;
  parameter.copy_(values);
}

Edges edges_of(const NetworkArguments& arguments) {
  return {arguments.text("padding.y") == "periodic", arguments.text("padding.x") == "periodic"};
}

}  // namespace ekman
