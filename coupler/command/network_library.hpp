// libekman_torch, where LibTorch is: loaded when a network needs it.
#pragma once

#include <string>

#include "coupler/engine/network_library.hpp"

namespace ekman {

// Loads the library at the first call. Throws Error(usage) if it is not there, or of another version.
const NetworkLibrary& network_library();

// Its own or the echo engine. Throws as NetworkLibrary says.
std::unique_ptr<Engine> make_engine(const NetworkSpec& spec, const LearningRows& rows, const std::string& device,
                                    int threads);

}  // namespace ekman
