// Implements metrics.hpp.
#include "coupler/offline/metrics.hpp"

#include <cmath>
#include <limits>

namespace ekman {

void ErrorMoments::add(double prediction, double truth, double w) {
  const double e = prediction - truth;
  ErrorMoments one;
  one.weight = w;
  one.error = w * e;
  one.absolute = w * std::abs(e);
  one.square = w * e * e;
  one.truth_mean = truth;
  add(one);
}

void ErrorMoments::add(const ErrorMoments& other) {
  if (other.weight == 0.0) return;
  const double sum = weight + other.weight, apart = other.truth_mean - truth_mean;
  truth_squares += other.truth_squares + apart * apart * weight * other.weight / sum;
  truth_mean += apart * other.weight / sum;
  weight = sum;
  error += other.error;
  absolute += other.absolute;
  square += other.square;
}

double ErrorMoments::rmse() const { return std::sqrt(square / weight); }

double ErrorMoments::r2() const {
  return truth_squares > 0.0 ? 1.0 - square / truth_squares : std::numeric_limits<double>::quiet_NaN();
}

ErrorMoments FieldErrors::all() const {
  ErrorMoments sum;
  for (const ErrorMoments& level : levels) sum.add(level);
  return sum;
}

}  // namespace ekman
