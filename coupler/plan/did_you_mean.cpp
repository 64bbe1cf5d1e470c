// Edit distance with swaps of neighbours (optimal string alignment), the typing error met most often.
#include "coupler/plan/did_you_mean.hpp"

#include <algorithm>
#include <cstddef>

namespace ekman {
namespace {

constexpr std::size_t k_longest_word = 64;

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates,
                         const std::string& otherwise) {
  if (word.empty() || word.size() > k_longest_word) return otherwise;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > k_longest_word || candidate == word) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = &candidate;
  }
  return nearest ? "; did you mean \"" + *nearest + "\"?" : otherwise;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates, std::size_t num_problems,
                         const std::string& otherwise) {
  constexpr std::size_t k_most_problems = 20, k_most_names = 1000;
  const bool few = num_problems < k_most_problems && candidates.size() < k_most_names;
  return few ? did_you_mean(word, candidates, otherwise) : otherwise;
}

}  // namespace ekman
