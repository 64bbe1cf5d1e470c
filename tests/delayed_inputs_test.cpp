// Inputs that wait for late targets: the right ones, with the fields of a loss that belong to them, kept and put back.
#include "coupler/engine/delayed_inputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ekman/error.hpp"

namespace ekman {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t k_rows = 3;

// Rows of one input; of truth one target and one field besides.
DelayShape shape_of(std::int64_t delay) { return {Real::float64, delay, k_rows, 1, 2, 1}; }

// Every value says of which exchange and row it is.
double input(std::int64_t exchange, std::int64_t row) { return static_cast<double>(100 * exchange + row); }
double target(std::int64_t exchange, std::int64_t row) { return 0.25 + input(exchange, row); }
double extra(std::int64_t exchange, std::int64_t row) { return 0.5 + input(exchange, row); }

// The truth to learn from with an exchange that is put into `inputs`.
std::vector<double> put(DelayedInputs& inputs, std::int64_t exchange) {
  std::vector<double> in, truth;
  for (std::int64_t row = 0; row < k_rows; ++row) {
    in.push_back(input(exchange, row));
    truth.insert(truth.end(), {target(exchange, row), extra(exchange, row)});
  }
  inputs.keep(exchange, 10 * exchange, reinterpret_cast<const std::byte*>(in.data()));
  inputs.match(exchange, reinterpret_cast<std::byte*>(truth.data()));
  return truth;
}

std::vector<double> in_of(const DelayedInputs& inputs, std::int64_t exchange) {
  const auto* values = reinterpret_cast<const double*>(inputs.in(exchange));
  return {values, values + k_rows};
}

void expect_match(const DelayedInputs& inputs, std::int64_t exchange, const std::vector<double>& truth,
                  std::int64_t delay) {
  const std::int64_t then = exchange - delay;
  EXPECT_EQ(inputs.step(then), 10 * then);
  EXPECT_THAT(in_of(inputs, then), ElementsAre(input(then, 0), input(then, 1), input(then, 2)));
  EXPECT_THAT(truth, ElementsAre(target(exchange, 0), extra(then, 0), target(exchange, 1), extra(then, 1),
                                 target(exchange, 2), extra(then, 2)));
}

TEST(DelayedInputs, ComeWithTheTargetsOfLaterExchanges) {
  for (const std::int64_t delay : {0, 1, 2, 5}) {
    DelayedInputs inputs(shape_of(delay));

    for (std::int64_t exchange = 0; exchange < 12; ++exchange) {
      const std::vector<double> truth = put(inputs, exchange);

      if (exchange >= delay) expect_match(inputs, exchange, truth, delay);
    }
  }
}

TEST(DelayedInputs, GoOnFromWhatWasKept) {
  for (const std::int64_t exchanges : {1, 2, 7}) {
    DelayedInputs before(shape_of(2)), after(shape_of(2));
    for (std::int64_t exchange = 0; exchange < exchanges; ++exchange) put(before, exchange);

    after.restore(exchanges, k_rows, before.state(exchanges, k_rows));

    for (std::int64_t exchange = exchanges; exchange < exchanges + 4; ++exchange) {
      const std::vector<double> truth = put(after, exchange);
      if (exchange >= 2) expect_match(after, exchange, truth, 2);
    }
  }
}

TEST(DelayedInputs, KeepNothingWhereNothingWaits) {
  DelayedInputs punctual(shape_of(0)), late(shape_of(1));
  put(punctual, 0);

  EXPECT_THAT(punctual.state(1, k_rows), IsEmpty());
  EXPECT_THAT(late.state(0, k_rows), IsEmpty());
}

TEST(DelayedInputs, RefuseWhatAnotherDelayOrChunkKept) {
  DelayedInputs kept(shape_of(2));
  for (std::int64_t exchange = 0; exchange < 4; ++exchange) put(kept, exchange);
  const std::vector<NamedArray> arrays = kept.state(4, k_rows);

  for (const std::int64_t delay : {0, 1, 3}) {
    EXPECT_THROW(DelayedInputs(shape_of(delay)).restore(4, k_rows, arrays), Error) << delay;
  }
  EXPECT_THROW(DelayedInputs(shape_of(2)).restore(4, k_rows - 1, arrays), Error);
  EXPECT_THROW(DelayedInputs(shape_of(2)).restore(4, k_rows, {}), Error);
}

}  // namespace
}  // namespace ekman
