// All parameters and buffers of a network that learns: compared over ranks, counted, written as a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/torch/torch_network.hpp"

namespace ekman {

// Over the bits of all values: h = mix64(h xor the next 8 bytes), the last ones filled up with zeros, tensor by tensor.
std::uint64_t fingerprint_of(const std::vector<NamedParameter>& tensors);

// "12 parameters in 4 tensors: 10 learn, 2 are frozen (0.bias)"; those that learn require a gradient.
std::string summary_of(const std::vector<NamedParameter>& parameters);

// The bytes of a file of the module, with parameters that are no views of one buffer. Throws Error(internal).
std::string script_bytes(const torch::jit::Module& module);

}  // namespace ekman
