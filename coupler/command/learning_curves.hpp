// The log of a network that learns, read for its curves.
#pragma once

#include <cstddef>
#include <string>

#include "adapters/json/report_json.hpp"

namespace ekman {

// Not more than `most` points in a curve: means of neighbouring steps. A log that grows, or whose last row is cut, is
// read as far as it is whole. Throws Error if it is no log of Ekman.
LearningCurves read_learning_curves(const std::string& path, const std::string& network, std::size_t most = 1000);

}  // namespace ekman
