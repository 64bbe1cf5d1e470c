// Errors of predictions, against their definitions.
#include "coupler/offline/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace ekman {
namespace {

struct Sample {
  double prediction, truth, weight;
};
const std::vector<Sample> k_samples{
    {1.5, 1.0, 2.0}, {-0.5, 0.0, 1.0}, {300.25, 300.0, 0.5}, {2.0, 4.0, 3.0}, {9.0, 1.0, 0.0}};

ErrorMoments moments_of(const std::vector<Sample>& samples) {
  ErrorMoments moments;
  for (const Sample& one : samples) moments.add(one.prediction, one.truth, one.weight);
  return moments;
}

TEST(ErrorMoments, AreTheirDefinitions) {
  double weight = 0.0, error = 0.0, absolute = 0.0, square = 0.0, mean = 0.0, variance = 0.0;
  for (const Sample& one : k_samples) {
    const double e = one.prediction - one.truth;
    weight += one.weight;
    error += one.weight * e;
    absolute += one.weight * std::abs(e);
    square += one.weight * e * e;
    mean += one.weight * one.truth;
  }
  mean /= weight;
  for (const Sample& one : k_samples) variance += one.weight * (one.truth - mean) * (one.truth - mean);

  const ErrorMoments moments = moments_of(k_samples);

  EXPECT_DOUBLE_EQ(moments.bias(), error / weight);
  EXPECT_DOUBLE_EQ(moments.mae(), absolute / weight);
  EXPECT_DOUBLE_EQ(moments.rmse(), std::sqrt(square / weight));
  EXPECT_DOUBLE_EQ(moments.r2(), 1.0 - square / variance);
}

TEST(ErrorMoments, OfPartsAreThoseOfTheWhole) {
  ErrorMoments left = moments_of({k_samples.begin(), k_samples.begin() + 2});
  left.add(moments_of({k_samples.begin() + 2, k_samples.end()}));

  EXPECT_NEAR(left.r2(), moments_of(k_samples).r2(), 1e-12);
  EXPECT_DOUBLE_EQ(left.rmse(), moments_of(k_samples).rmse());
}

TEST(ErrorMoments, HaveNoR2WhereTheTruthDoesNotVary) {
  EXPECT_TRUE(std::isnan(moments_of({{1.0, 2.0, 1.0}, {3.0, 2.0, 1.0}}).r2()));
}

TEST(ErrorMoments, AreNoNumbersWithoutWeight) { EXPECT_TRUE(std::isnan(moments_of({{1.0, 2.0, 0.0}}).rmse())); }

}  // namespace
}  // namespace ekman
