// Labels of restart sets: they become names of folders.
#pragma once

#include <string>

namespace ekman {

// What is wrong with a label, as a sentence; empty if nothing is. Letters, digits and . _ - + : are allowed,
// at most 128, the first one no dot.
std::string label_problem(const std::string& label);

}  // namespace ekman
