// Runs a NetworkModule, built in or the user's own: rows -> one tensor -> rows.
#pragma once

#include "adapters/torch/include/ekman/network.hpp"
#include "adapters/torch/torch_network.hpp"

namespace ekman {

// What the fields of `spec` ask of a network.
NetworkShape network_shape(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out);

// Moves `module` to `device`, its real parameters and buffers in `kind`. `who` names the network in messages.
std::unique_ptr<TorchNetwork> run_module(const std::string& who, std::shared_ptr<NetworkModule> module,
                                         const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                         at::Device device, at::ScalarType kind);

}  // namespace ekman
