// The engine of an ML rank that runs LibTorch: chunk buffers in, tiles through the network, chunk buffers
// out.
#pragma once

#include <memory>
#include <string>

#include "coupler/engine/engine.hpp"

namespace ekman {

// Loads the network of `spec` (torchscript or mlp) on `device` ("cpu" or "cuda:N") and tries one tile of
// zeros. Sets the threads of the process: make it before any other LibTorch operation. Throws Error(network).
std::unique_ptr<Engine> make_torch_engine(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                          const std::string& device, int threads);

// Samples in one forward call: what the plan says; else the chunk on a GPU, and on a CPU the largest divisor
// of the chunk up to 256. Throws Error(network) for a tile that does not divide the chunk.
std::int64_t tile_samples(const NetworkSpec& spec, bool on_gpu);

}  // namespace ekman
