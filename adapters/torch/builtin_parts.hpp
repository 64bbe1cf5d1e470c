// What built-in networks are made of: activations, layers whose first weights follow from the seed, edges of a grid.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <random>
#include <string>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/include/ekman/network.hpp"

namespace ekman {

using Activation = at::Tensor (*)(const at::Tensor&);

// Throws Error(network) for a name that is none.
Activation activation_of(const std::string& name);

// Makes layers in float64, so that `compute` does not change what is drawn. The generator is fixed by the C++ standard:
// weights are equal on every rank and device and with every LibTorch. All bounds are 1/sqrt(values that go into one),
// as LibTorch's own layers have.
class FirstWeights {
 public:
  explicit FirstWeights(std::uint64_t seed) : generator_(seed) {}

  torch::nn::Linear linear(std::int64_t inputs, std::int64_t outputs);
  // Of kernel x kernel points, without padding.
  torch::nn::Conv2d convolution(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel);
  // Uniform in +-bound.
  void fill(const at::Tensor& parameter, double bound);

 private:
  std::mt19937_64 generator_;
};

// What lies beyond the edges of a grid.
struct Edges {
  bool periodic_y = false;
  bool periodic_x = false;
};
Edges edges_of(const NetworkArguments& arguments);

// The built-in networks. Throw Error(network), or whatever LibTorch throws.
std::shared_ptr<NetworkModule> make_mlp(const NetworkArguments& arguments, const NetworkShape& shape,
                                        std::uint64_t seed);
std::shared_ptr<NetworkModule> make_resmlp(const NetworkArguments& arguments, const NetworkShape& shape,
                                           std::uint64_t seed);
std::shared_ptr<NetworkModule> make_unet(const NetworkArguments& arguments, const NetworkShape& shape,
                                         std::uint64_t seed);
std::shared_ptr<NetworkModule> make_fno(const NetworkArguments& arguments, const NetworkShape& shape,
                                        std::uint64_t seed);

}  // namespace ekman
