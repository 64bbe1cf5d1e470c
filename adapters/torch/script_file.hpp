// Reads a TorchScript file, with messages for the files that are none.
#pragma once

#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// The network of spec.source.path on `device`, in eval mode, its floating-point weights in `kind`. Throws
// Error(network) with path and cure for a file that is missing, of another kind, truncated, or not of
// spec.source.sha256.
torch::jit::Module load_script(const NetworkSpec& spec, at::Device device, at::ScalarType kind);

// The same for the file of one of its losses.
torch::jit::Module load_loss_script(const NetworkSpec& spec, const std::string& path, at::Device device,
                                    at::ScalarType kind);

// Throws Error(network) if the file of spec.source.path is not of its sha256, where it has one.
void check_sha256(const NetworkSpec& spec);

// The file at `path` as it is, without a plan: in eval mode, with the kinds that it has.
torch::jit::Module load_plain_script(const std::string& path, at::Device device);

// What is in a file, line by line: class and mode, methods, parameters and buffers, SHA-256. Throws Error(network).
std::vector<std::string> describe_script(const std::string& path);

}  // namespace ekman
