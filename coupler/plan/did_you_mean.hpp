// The nearest of several names, for error messages about the plan.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// `; did you mean "temperature"?` for the candidate nearest to `word`, or `otherwise` if none is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates,
                         const std::string& otherwise = "");

}  // namespace ekman
