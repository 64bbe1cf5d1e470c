// What every bench prints: how many times the reference's time (or speed) Ekman takes, with an interval, against a
// target.
#pragma once

#include <string>
#include <vector>

namespace bench {

struct Interval {
  double median = 0.0;
  double low = 0.0, high = 0.0;
};

// The median of `values` and an interval that holds the median of their distribution with 95 %: order statistics, by
// the binomial distribution (Conover, Practical Nonparametric Statistics, section 3.2). Needs 6 values or more.
Interval median_of(std::vector<double> values);

enum class Goal { at_most, at_least };

// "ratio NAME VALUE [LOW, HIGH] target <= T met": met or MISSED if the whole interval is, else undecided.
std::string ratio_line(const std::string& name, const std::vector<double>& ratios, Goal goal, double target);

}  // namespace bench
