// What training asks of a network and of files, tried before any rank runs: for `ekman check`.
#pragma once

#include <optional>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// Rows of a route, as a Learner has them.
struct LearningRows {
  RowLayout in;
  RowLayout out;
  RowLayout truth;
};

// All mistakes in `trainable`, `frozen` and `loss` of a network that learns, each at its key. Names of parameters,
// files and methods of losses are looked at without `rows`, which are for plans whose levels are known; with them each
// term is tried too. Throws Error(network) for a network that cannot be opened.
std::vector<Problem> learning_problems(const NetworkSpec& spec, const std::optional<LearningRows>& rows);

}  // namespace ekman
