// Implements ratio.hpp.
#include "bench/ratio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace bench {

bool brief() { return std::getenv("EKMAN_BENCH_BRIEF") != nullptr; }
int pairs(int times) { return brief() ? 2 : 15 * times; }
double block(double seconds) { return brief() ? 0.01 * seconds : seconds; }

Interval median_of(std::vector<double> values) {
  if (values.size() < 6 && !brief()) throw std::invalid_argument("an interval of the median needs 6 values or more");
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  // The greatest k with P(fewer than k of n values lie below the median) <= 0.025.
  double probability = std::pow(0.5, static_cast<double>(n)), sum = probability;
  std::size_t k = 0;
  while (sum <= 0.025) {
    ++k;
    probability *= static_cast<double>(n - k + 1) / static_cast<double>(k);
    sum += probability;
  }
  const double middle = n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
  k = std::max<std::size_t>(k, 1);
  return {middle, values[k - 1], values[n - k]};
}

std::string ratio_line(const std::string& name, const std::vector<double>& ratios, Goal goal, double target) {
  const Interval found = median_of(ratios);
  const std::string figure = fmt::format("ratio {} {:.3f} [{:.3f}, {:.3f}]", name, found.median, found.low, found.high);
  if (brief()) return figure + " brief";
  if (goal == Goal::none) return figure + " reported";
  const bool most = goal == Goal::at_most;
  const bool met = most ? found.high <= target : found.low >= target;
  const bool missed = most ? found.low > target : found.high < target;
  return fmt::format("{} target {} {} {}", figure, most ? "<=" : ">=", target,
                     met      ? "met"
                     : missed ? "MISSED"
                              : "undecided");
}

}  // namespace bench
