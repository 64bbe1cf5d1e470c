// Small questions about a plan that several rooms ask.
#include "coupler/plan/plan.hpp"

#include <algorithm>
#include <limits>

namespace ekman {

int ml_ranks_of(const Plan& plan) {
  std::int64_t sum = 0;
  for (const NetworkSpec& network : plan.networks) sum += network.ranks;
  return static_cast<int>(std::min<std::int64_t>(sum, std::numeric_limits<int>::max()));
}

std::vector<std::string> fields_of(const std::vector<Argument>& arguments) {
  std::vector<std::string> fields;
  for (const Argument& argument : arguments)
    fields.insert(fields.end(), argument.fields.begin(), argument.fields.end());
  return fields;
}

}  // namespace ekman
