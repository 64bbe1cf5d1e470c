// The engine of an ML rank that runs LibTorch: chunk buffers in, tiles through the network, chunk buffers
// out.
#pragma once

#include <memory>
#include <string>

#include "coupler/engine/engine.hpp"

namespace ekman {

// Both as NetworkLibrary says.
std::unique_ptr<Engine> make_torch_engine(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                          const RowLayout& truth, const std::string& device, int threads);
NetworkSize open_network(const NetworkSpec& spec);

}  // namespace ekman
