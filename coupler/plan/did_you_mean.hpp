// The nearest of several names, for error messages about the plan.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ekman {

// `; did you mean "temperature"?` for the candidate nearest to `word`, or `otherwise` if none is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates,
                         const std::string& otherwise = "");

// The same for the problem after `num_problems` others: people read some proposals, and each takes the time of many
// comparisons.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates, std::size_t num_problems,
                         const std::string& otherwise);

}  // namespace ekman
