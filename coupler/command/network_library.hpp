// libekman_torch, where LibTorch is: loaded when a network needs it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coupler/engine/network_library.hpp"

namespace ekman {

// Loads the library at the first call. Throws Error(usage) if it is not there, or of another version.
const NetworkLibrary& network_library();

// GPUs of this node that it can use. It is loaded to count them only if a network may take one and the node has one.
int gpu_count(const std::vector<NetworkSpec>& networks);

// Its own, an engine that needs no library (echo, sleep), or none. Throws as NetworkLibrary says.
std::unique_ptr<Engine> make_engine(const NetworkSpec& spec, const LearningRows& rows, const std::string& device,
                                    int threads);

}  // namespace ekman
