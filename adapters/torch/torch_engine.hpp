// The engine of an ML rank that runs LibTorch: chunk buffers in, tiles through the network, chunk buffers
// out.
#pragma once

#include <memory>
#include <string>

#include "coupler/engine/engine.hpp"

namespace ekman {

// Loads the network of `spec` (torchscript, mlp or checkpoint) on `device` ("cpu" or "cuda:N") and tries one tile of
// zeros. Sets the threads of the process: make it before any other LibTorch operation. Throws Error(network).
std::unique_ptr<Engine> make_torch_engine(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                          const RowLayout& truth, const std::string& device, int threads);

// Opens the file of `spec` on the CPU and looks no further; throws as make_torch_engine does. Nothing is
// opened for networks that have no file.
NetworkSize open_network(const NetworkSpec& spec);

}  // namespace ekman
