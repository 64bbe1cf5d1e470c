// A float64 field of (ncol, nlev) from two component ranks to one ML rank and back: Ekman's echo network against a
// program by hand that packs alike, with the faster of a shared window and point-to-point. 3 ranks; arguments: a
// folder for plans, and the values of a rank if one size shall do.
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/echo_by_hand.hpp"
#include "bench/echo_plan.hpp"
#include "bench/ratio.hpp"
#include "ekman/coupler.hpp"

namespace {

constexpr double k_block = 0.05;  // seconds of one timing
constexpr int k_times_pairs = 3;  // blocks are short, and the host moves this machine's cores
constexpr int k_ml_rank = 2;

struct Size {
  std::int64_t columns, levels;
  double target;
};

constexpr Size k_sizes[] = {{1, 1, 1.5},     {16, 1, 1.5},     {16, 16, 1.5},     {32, 32, 1.15},
                            {128, 64, 1.15}, {1024, 64, 1.15}, {16384, 64, 1.15}, {65536, 64, 1.15}};

// The time of one call of `step` when it is called `count` times, on the slowest rank of `comm`.
template <class Step>
double seconds_of(MPI_Comm comm, int count, Step step) {
  MPI_Barrier(comm);
  const double begin = MPI_Wtime();
  for (int i = 0; i < count; ++i) step();
  const double mine = (MPI_Wtime() - begin) / count;
  double slowest = 0.0;
  MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, comm);
  return slowest;
}

// The arrays of one component rank: a column-major field, and where it comes back to.
struct Arrays {
  explicit Arrays(const Size& size) : in(static_cast<std::size_t>(size.columns * size.levels)), out(in.size()) {
    std::iota(in.begin(), in.end(), 1.0 + bench::world_rank());
  }
  // What came back is what was sent, in float32.
  void check(const char* who) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (out[i] == static_cast<double>(static_cast<float>(in[i]))) continue;
      std::fprintf(stderr, "%s: value %zu came back as %g, not %g\n", who, i, out[i], in[i]);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    std::fill(out.begin(), out.end(), -1.0);
  }
  std::vector<double> in, out;
};

// By Ekman, from start to end; the seconds of one step.
double ekman_seconds(const Size& size, const std::string& plan, int count, Arrays& arrays) {
  if (bench::world_rank() == k_ml_rank) {
    ekman::serve(MPI_COMM_WORLD, plan);
    return 0.0;
  }
  ekman::Coupler coupler("atmosphere", MPI_COMM_WORLD);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(size.columns));
  std::iota(ids.begin(), ids.end(), bench::world_rank() * size.columns);
  coupler.def_points(ids);
  coupler.def_field("t", {"K", size.levels, "pl", ""});
  coupler.def_field("dt", {"K", size.levels, "pl", ""});
  coupler.enddef();
  const ekman::ArrayView in = ekman::contiguous_view(arrays.in.data(), {size.columns, size.levels});
  const ekman::ArrayView out = ekman::contiguous_view(arrays.out.data(), {size.columns, size.levels});
  const auto step = [&] {
    coupler.put("t", in);
    coupler.get("dt", out);
    coupler.advance();
  };
  step();
  arrays.check("Ekman");
  const double seconds = seconds_of(coupler.local_comm(), count, step);
  coupler.finalize();
  return seconds;
}

double hand_seconds(bench::EchoByHand& echo, MPI_Comm components, int count, Arrays& arrays) {
  if (bench::world_rank() == k_ml_rank) {
    for (int i = 0; i < count + 1; ++i) echo.serve();
    return 0.0;
  }
  const auto step = [&] { echo.round_trip(arrays.in.data(), arrays.out.data()); };
  step();
  arrays.check("the program by hand");
  return seconds_of(components, count, step);
}

// How often a step fits into a block: from the program by hand.
int steps_of_block(bench::EchoByHand& echo, MPI_Comm components, Arrays& arrays) {
  double seconds = hand_seconds(echo, components, 10, arrays);
  MPI_Bcast(&seconds, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return std::clamp(static_cast<int>(bench::block(k_block) / seconds), 3, 20000);
}

void measure(const Size& size, const std::string& folder, MPI_Comm components) {
  const std::string plan =
      bench::write_echo_plan(folder, fmt::format("roundtrip_{}x{}", size.columns, size.levels), 256);
  Arrays arrays(size);
  const std::unique_ptr<bench::EchoByHand> by_hand[] = {
      bench::make_window_echo(MPI_COMM_WORLD, size.columns, size.levels),
      bench::make_message_echo(MPI_COMM_WORLD, size.columns, size.levels)};
  const int count = steps_of_block(*by_hand[1], components, arrays);
  std::vector<double> ekman, hand[2];
  for (int pair = 0; pair < bench::pairs(k_times_pairs); ++pair) {
    for (int kind = 0; kind < 2; ++kind) hand[kind].push_back(hand_seconds(*by_hand[kind], components, count, arrays));
    ekman.push_back(ekman_seconds(size, plan, count, arrays));
  }
  if (bench::world_rank() != 0) return;
  const double medians[] = {bench::median_of(hand[0]).median, bench::median_of(hand[1]).median};
  const std::vector<double>& reference = hand[medians[0] <= medians[1] ? 0 : 1];
  std::vector<double> ratios;
  for (std::size_t pair = 0; pair < ekman.size(); ++pair) ratios.push_back(ekman[pair] / reference[pair]);
  const std::string line = bench::ratio_line(fmt::format("roundtrip_{}", size.columns * size.levels), ratios,
                                             bench::Goal::at_most, size.target);
  std::printf("%s   # ekman %.2f us, window %.2f us, point-to-point %.2f us\n", line.c_str(),
              1e6 * bench::median_of(ekman).median, 1e6 * medians[0], 1e6 * medians[1]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks != 3 || argc < 2 || argc > 3) {
    std::fprintf(stderr, "bench_roundtrip FOLDER [VALUES], on 3 ranks; there are %d\n", ranks);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  MPI_Comm components = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, bench::world_rank() == k_ml_rank ? 1 : 0, bench::world_rank(), &components);
  for (const Size& size : k_sizes) {
    if (argc == 2 || size.columns * size.levels == std::atoll(argv[2])) measure(size, argv[1], components);
  }
  MPI_Comm_free(&components);
  MPI_Finalize();
}
