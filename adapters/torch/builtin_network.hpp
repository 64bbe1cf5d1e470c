// Networks that are made by code: the built-in ones, and those of the user's own. THE list of what makes which is in
// the .cpp.
#pragma once

#include "adapters/torch/include/ekman/network.hpp"
#include "adapters/torch/torch_network.hpp"

namespace ekman {

// Of spec.source, which is a built-in one. Its first weights follow from the seed alone; those of the user's own
// network from LibTorch's generator, which gets the seed. Throws Error(network).
std::unique_ptr<TorchNetwork> make_builtin_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                                   at::Device device, at::ScalarType kind);

// The same as a module alone, on the CPU in any kind of real.
std::shared_ptr<NetworkModule> make_network_module(const NetworkSpec& spec, const NetworkShape& shape);

}  // namespace ekman
