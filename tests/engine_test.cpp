// The row layout, the echo engine that the exchange tests rely on, and the one that only takes time.
#include "coupler/engine/engine.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "coupler/base/pass_time.hpp"
#include "coupler/engine/arithmetic.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

TEST(RowLayout, LaysFieldsOfAllArgumentsSideBySide) {
  const std::vector<Argument> arguments{{{"t", "q"}, Combine::concat}, {{"ps"}, Combine::concat}};

  const RowLayout layout = make_row_layout(arguments, {3, 4, 1});

  ASSERT_EQ(layout.fields.size(), 3u);
  EXPECT_EQ(layout.fields[0].name, "t");
  EXPECT_EQ(layout.fields[0].offset, 0);
  EXPECT_EQ(layout.fields[1].offset, 3);
  EXPECT_EQ(layout.fields[1].levels, 4);
  EXPECT_EQ(layout.fields[2].name, "ps");
  EXPECT_EQ(layout.fields[2].offset, 7);
  EXPECT_EQ(layout.row_len(), 8);
}

TEST(RowLayout, HasNoValuesWithoutFields) { EXPECT_EQ(make_row_layout({}, {}).row_len(), 0); }

TEST(RowLayout, RefusesLevelsThatDoNotFitTheFields) {
  const std::vector<Argument> arguments{{{"t", "q"}, Combine::concat}};

  EXPECT_THROW(make_row_layout(arguments, {3}), Error);
  EXPECT_THROW(make_row_layout(arguments, {3, 4, 5}), Error);
  EXPECT_THROW(make_row_layout(arguments, {3, 0}), Error);
}

NetworkSpec echo_spec(Real wire) {
  NetworkSpec spec;
  spec.name = "mirror";
  spec.chunk = 4;
  spec.wire = wire;
  spec.inputs = {{{"a", "b"}, Combine::concat}};
  spec.outputs = {{{"c"}, Combine::concat}};
  return spec;
}

template <typename T>
void expect_echo(Real wire) {
  const NetworkSpec spec = echo_spec(wire);
  auto engine = make_echo_engine(spec, make_row_layout(spec.inputs, {2, 1}), make_row_layout(spec.outputs, {3}));
  std::vector<T> in(12), out(12, T(-1));
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = T(i) / T(3);

  engine->forward(reinterpret_cast<const std::byte*>(in.data()), reinterpret_cast<std::byte*>(out.data()), 3);

  EXPECT_EQ(std::memcmp(in.data(), out.data(), 9 * sizeof(T)), 0);
  EXPECT_EQ(engine->describe(), "echo");
}

TEST(EchoEngine, CopiesRowsBitForBit) {
  expect_echo<float>(Real::float32);
  expect_echo<double>(Real::float64);
}

TEST(EchoEngine, NamesNetworkAndBothLengthsWhenRowsDiffer) {
  const NetworkSpec spec = echo_spec(Real::float32);

  try {
    make_echo_engine(spec, make_row_layout(spec.inputs, {2, 5}), make_row_layout(spec.outputs, {3}));
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), ErrorCode::network);
    EXPECT_NE(text.find("mirror"), std::string::npos) << text;
    EXPECT_NE(text.find("inputs have 7 values a point and its outputs 3"), std::string::npos) << text;
  }
}

TEST(EchoEngine, RefusesMoreRowsThanAChunkHolds) {
  const NetworkSpec spec = echo_spec(Real::float32);
  auto engine = make_echo_engine(spec, make_row_layout(spec.inputs, {2, 1}), make_row_layout(spec.outputs, {3}));
  std::vector<float> buffer(15);

  EXPECT_THROW(engine->forward(reinterpret_cast<const std::byte*>(buffer.data()),
                               reinterpret_cast<std::byte*>(buffer.data()), 5),
               Error);
}

NetworkSpec sleep_spec(double seconds_per_forward, double seconds_per_point) {
  NetworkSpec spec = echo_spec(Real::float32);
  spec.chunk = 8;
  spec.tile = 2;
  spec.source.kind = SourceKind::builtin;
  spec.source.name = "sleep";
  spec.source.arguments["seconds_per_forward"].values = {std::to_string(seconds_per_forward)};
  spec.source.arguments["seconds_per_point"].values = {std::to_string(seconds_per_point)};
  spec.source.arguments["busy"].values = {"off"};
  return spec;
}

// Seconds of one forward of `rows`; outputs are zero up to the last row that holds a point, and untouched after it.
double seconds_of_sleep(const NetworkSpec& spec, std::int64_t rows) {
  const std::unique_ptr<Engine> engine = make_sleep_engine(spec, make_row_layout(spec.outputs, {3}), "cpu");
  std::vector<float> in(24, 7.0F), out(24, 7.0F);
  const double begin = seconds_now();

  engine->forward(reinterpret_cast<const std::byte*>(in.data()), reinterpret_cast<std::byte*>(out.data()), rows);

  const double taken = seconds_now() - begin;
  for (std::int64_t i = 0; i < 24; ++i) EXPECT_EQ(out[static_cast<std::size_t>(i)], i < 3 * rows ? 0.0F : 7.0F) << i;
  return taken;
}

// Above, there is no bound on a machine that others use.
TEST(SleepEngine, TakesItsTimeForEachTileThatHasPoints) {
  NetworkSpec spec = sleep_spec(0.002, 0.0005);

  EXPECT_GE(seconds_of_sleep(spec, 5), 3 * 0.003);
  EXPECT_LT(seconds_of_sleep(sleep_spec(30.0, 0.0), 0), 30.0);
  spec.source.arguments["busy"].values = {"on"};
  EXPECT_GE(seconds_of_sleep(spec, 8), 4 * 0.003);
}

TEST(SleepEngine, CountsThePointsOfAGrid) {
  NetworkSpec spec = sleep_spec(0.0, 0.001);
  spec.sample = Sample::grid;
  spec.grid_ny = 2;
  spec.grid_nx = 2;
  spec.chunk = 2;
  spec.tile = 1;

  EXPECT_GE(seconds_of_sleep(spec, 8), 2 * 4 * 0.001);
}

TEST(SleepEngine, RefusesMoreRowsThanAChunkHolds) {
  const NetworkSpec spec = sleep_spec(0.0, 0.0);
  const std::unique_ptr<Engine> engine = make_sleep_engine(spec, make_row_layout(spec.outputs, {3}), "cpu");
  std::vector<float> buffer(27);

  EXPECT_THROW(engine->forward(reinterpret_cast<const std::byte*>(buffer.data()),
                               reinterpret_cast<std::byte*>(buffer.data()), 9),
               Error);
}

TEST(Arithmetic, IsComparedWithoutAWordWhenAllRanksAreAlike) {
  EXPECT_EQ(compare_arithmetic("net", {{0, "n1", "Zen, 1 thread"}, {1, "n2", "Zen, 1 thread"}}), "");
  EXPECT_EQ(compare_arithmetic("net", {}), "");
}

TEST(Arithmetic, NamesEachKindOnceWithItsFirstRank) {
  const std::string text = compare_arithmetic("net", {{0, "n1", "Zen"}, {2, "n1", "Zen"}, {3, "n2", "Xeon"}});

  EXPECT_NE(text.find("network \"net\" do not compute alike"), std::string::npos) << text;
  EXPECT_NE(text.find("(ML rank 0 on n1: Zen; ML rank 3 on n2: Xeon)"), std::string::npos) << text;
}

}  // namespace
}  // namespace ekman
