// How far predictions are from the truth, level by level. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace ekman {

// Weighted moments of truth t and error e = prediction - truth.
struct ErrorMoments {
  double weight = 0.0;
  double error = 0.0, absolute = 0.0, square = 0.0;  // sums of w e, w |e|, w e^2
  double truth_mean = 0.0, truth_squares = 0.0;      // mean of t, sum of w (t - mean)^2

  void add(double prediction, double truth, double w);
  // The moments of both together (Chan, Golub and LeVeque 1983).
  void add(const ErrorMoments& other);

  // In the field's units; all NaN if nothing has a weight.
  double bias() const { return error / weight; }
  double mae() const { return absolute / weight; }
  double rmse() const;
  // 1 - sum w e^2 / sum w (t - mean)^2; NaN where the truth does not vary.
  double r2() const;
};

// One of the network's outputs: moments of each level.
struct FieldErrors {
  std::vector<ErrorMoments> levels;
  ErrorMoments all() const;
};

}  // namespace ekman
