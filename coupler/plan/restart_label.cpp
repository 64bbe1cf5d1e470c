// Implements restart_label.hpp.
#include "coupler/plan/restart_label.hpp"

#include <fmt/format.h>

namespace ekman {

std::string label_problem(const std::string& label) {
  constexpr std::size_t k_longest = 128;
  const char* allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+:";
  if (!label.empty() && label.size() <= k_longest && label[0] != '.' &&
      label.find_first_not_of(allowed) == std::string::npos) {
    return "";
  }
  return fmt::format(
      "\"{}\" is no label of a restart set, which is a folder's name: 1 to {} letters, digits and . _ - + "
      ":, the first one no dot; write it like 2000-06-01",
      label, k_longest);
}

}  // namespace ekman
