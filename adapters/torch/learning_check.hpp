// What training asks of a network and of files, tried before any rank runs: for `ekman check`.
#pragma once

#include <optional>
#include <vector>

#include "coupler/engine/network_library.hpp"

namespace ekman {

// As NetworkLibrary says.
std::vector<Problem> learning_problems(const NetworkSpec& spec, const std::optional<LearningRows>& rows);

}  // namespace ekman
