// What every bench prints: how many times the reference's time (or speed) Ekman takes, with an interval, against a
// target.
#pragma once

#include <string>
#include <vector>

namespace bench {

// A brief run (EKMAN_BENCH_BRIEF is set, `run.py --brief`) only sees that a bench still ends well and prints figures.
bool brief();
// Pairs of blocks that a figure is made of, `times` as many as in most benches, and the seconds of a block that shall
// take so long.
int pairs(int times = 1);
double block(double seconds);

struct Interval {
  double median = 0.0;
  double low = 0.0, high = 0.0;
};

// The median of `values` and an interval that holds the median of their distribution with 95 %: order statistics, by
// the binomial distribution (Conover, Practical Nonparametric Statistics, section 3.2). Needs 6 values or more, but in
// a brief run.
Interval median_of(std::vector<double> values);

enum class Goal { at_most, at_least, none };

// "ratio NAME VALUE [LOW, HIGH] target <= T met": met or MISSED if the whole interval is, else undecided. Without a
// goal "reported", in a brief run "brief".
std::string ratio_line(const std::string& name, const std::vector<double>& ratios, Goal goal = Goal::none,
                       double target = 0.0);

}  // namespace bench
