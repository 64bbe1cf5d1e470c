// The built-in resmlp: a linear layer in, blocks x + linear(f(linear(f(x)))), and f and a linear layer out. The blocks
// are those of He et al., "Identity mappings in deep residual networks" (2016), with linear layers and without
// normalisation, which would mix samples or take away the size of the values.
#include <torch/nn/modules/container/modulelist.h>

#include "adapters/torch/builtin_parts.hpp"

namespace ekman {
namespace {

class Block final : public torch::nn::Module {
 public:
  Block(std::int64_t width, Activation activation, FirstWeights& weights)
      : activation_(activation),
        first_(register_module("first", weights.linear(width, width))),
        second_(register_module("second", weights.linear(width, width))) {}

  at::Tensor forward(const at::Tensor& x) { return x + second_->forward(activation_(first_->forward(activation_(x)))); }

 private:
  Activation activation_;
  torch::nn::Linear first_, second_;
};

class ResMlp final : public NetworkModule {
 public:
  ResMlp(const NetworkArguments& arguments, const NetworkShape& shape, std::uint64_t seed)
      : activation_(activation_of(arguments.text("activation"))) {
    FirstWeights weights(seed);
    const std::int64_t width = arguments.integer("width");
    first_ = register_module("first", weights.linear(shape.inputs, width));
    for (std::int64_t i = 0; i < arguments.integer("blocks"); ++i)
      blocks_->push_back(std::make_shared<Block>(width, activation_, weights));
    register_module("blocks", blocks_);
    last_ = register_module("last", weights.linear(width, shape.outputs));
  }

  at::Tensor forward(const at::Tensor& x) override {
    at::Tensor y = first_->forward(x);
    for (const auto& block : *blocks_) y = block->as<Block>()->forward(y);
    return last_->forward(activation_(y));
  }

 private:
  Activation activation_;
  torch::nn::Linear first_{nullptr}, last_{nullptr};
  torch::nn::ModuleList blocks_;
};

}  // namespace

std::shared_ptr<NetworkModule> make_resmlp(const NetworkArguments& arguments, const NetworkShape& shape,
                                           std::uint64_t seed) {
  return std::make_shared<ResMlp>(arguments, shape, seed);
}

}  // namespace ekman
