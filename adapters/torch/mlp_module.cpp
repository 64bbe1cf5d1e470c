// Implements mlp_module.hpp.
#include "adapters/torch/mlp_module.hpp"

namespace ekman {

MlpModule::MlpModule(std::int64_t inputs, const std::vector<std::int64_t>& hidden, std::int64_t outputs,
                     const std::string& activation, std::uint64_t seed)
    : activation_(activation_of(activation)) {
  FirstWeights weights(seed);
  const auto add = [&](std::int64_t from, std::int64_t to) {
    linear_.push_back(register_module(std::to_string(2 * linear_.size()), weights.linear(from, to)));
  };
  std::int64_t width = inputs;
  for (const std::int64_t next : hidden) {
    add(width, next);
    width = next;
  }
  add(width, outputs);
}

at::Tensor MlpModule::forward(const at::Tensor& x) {
  at::Tensor y = linear_.front()->forward(x);
  for (std::size_t layer = 1; layer < linear_.size(); ++layer) y = linear_[layer]->forward(activation_(y));
  return y;
}

std::shared_ptr<NetworkModule> make_mlp(const NetworkArguments& arguments, const NetworkShape& shape,
                                        std::uint64_t seed) {
  return std::make_shared<MlpModule>(shape.inputs, arguments.integers("hidden"), shape.outputs,
                                     arguments.text("activation"), seed);
}

}  // namespace ekman
