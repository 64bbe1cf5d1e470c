// A component that puts, computes, and gets, while the network runs: the time of a step against the longer of physics
// and network alone, both a loop of arithmetic of the same length without MPI. 1 rank; the network is slow_echo.cpp's,
// on 1 ML rank of the same node or of another.
//
// bench_overlap calibrate MILLISECONDS       prints the rounds of arithmetic that take so long
// bench_overlap NAME LAG POINTS ROUNDS       ROUNDS of physics, as many as of all chunks of a step; LAG as in the plan
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "bench/arithmetic.hpp"
#include "bench/ratio.hpp"
#include "ekman/coupler.hpp"

namespace {

constexpr int k_steps = 10;             // of a block
constexpr std::int64_t k_levels = 256;  // a row is 1 KiB

double seconds_of(std::int64_t rounds) {
  const double begin = MPI_Wtime();
  bench::work(rounds);
  return MPI_Wtime() - begin;
}

std::int64_t rounds_in(double seconds) {
  constexpr std::int64_t k_try = 10'000'000;
  double best = seconds_of(k_try);
  for (int i = 0; i < 5; ++i) best = std::min(best, seconds_of(k_try));
  return static_cast<std::int64_t>(k_try * seconds / best);
}

struct Timing {
  double step = 0.0, put = 0.0, get = 0.0;  // of one step, in seconds
};

class Model {
 public:
  Model(std::int64_t lag, std::int64_t points, std::int64_t rounds)
      : lag_(lag), points_(points), rounds_(rounds), coupler_("atmosphere", MPI_COMM_WORLD) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(points));
    std::iota(ids.begin(), ids.end(), 0);
    coupler_.def_points(ids);
    coupler_.def_field("x", {"K", k_levels, "pl", ""});
    coupler_.def_field("y", {"K", k_levels, "pl", ""});
    coupler_.enddef();
    x_.resize(static_cast<std::size_t>(points * k_levels));
    std::iota(x_.begin(), x_.end(), 0.0F);
    y_.assign(x_.size(), -1.0F);
  }

  // One step more than is timed: the first finds the network idle.
  Timing block() {
    Timing sum;
    for (int i = 0; i <= k_steps; ++i) {
      const Timing one = step();
      if (i > 0) sum = {sum.step + one.step, sum.put + one.put, sum.get + one.get};
    }
    check(static_cast<std::int64_t>(y_.size()));
    return {sum.step / k_steps, sum.put / k_steps, sum.get / k_steps};
  }

  void finalize() { coupler_.finalize(); }

 private:
  Timing step() {
    // Only the first level changes: what is done between the steps is time for a network that lags.
    mark(x_, ++step_);
    const double begin = MPI_Wtime();
    coupler_.put("x", ekman::contiguous_view(x_.data(), {points_, k_levels}));
    const double put = MPI_Wtime();
    bench::work(rounds_);
    const double physics = MPI_Wtime();
    coupler_.get("y", ekman::contiguous_view(y_.data(), {points_, k_levels}));
    coupler_.advance();
    const double end = MPI_Wtime();
    if (step_ > lag_) check(points_);
    return {end - begin, put - begin, end - physics};
  }

  void mark(std::vector<float>& field, std::int64_t step) const {
    std::iota(field.begin(), field.begin() + points_, static_cast<float>(step));
  }

  // The first `values` of y are those of x that were put `lag_` steps before.
  void check(std::int64_t values) {
    mark(x_, step_ - lag_);
    if (std::equal(x_.begin(), x_.begin() + values, y_.begin())) return;
    std::fprintf(stderr, "step %lld: what came back is not what was put for it\n", static_cast<long long>(step_));
    MPI_Abort(MPI_COMM_WORLD, 1);
  }

  std::int64_t lag_, points_, rounds_, step_ = 0;
  ekman::Coupler coupler_;
  std::vector<float> x_, y_;
};

void measure(const std::string& name, Model& model, std::int64_t rounds) {
  std::vector<double> ratios, steps, puts, gets;
  for (int pair = 0; pair < bench::pairs(); ++pair) {
    double alone = 0.0;
    for (int step = 0; step < k_steps; ++step) alone += seconds_of(rounds) / k_steps;
    const Timing timing = model.block();
    ratios.push_back(timing.step / alone);
    steps.push_back(1e3 * timing.step);
    puts.push_back(1e3 * timing.put);
    gets.push_back(1e3 * timing.get);
  }
  std::printf("%s   # step %.2f ms, put %.2f ms, get %.2f ms\n",
              bench::ratio_line(name, ratios, bench::Goal::at_most, 1.1).c_str(), bench::median_of(steps).median,
              bench::median_of(puts).median, bench::median_of(gets).median);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  if (argc == 3 && std::string(argv[1]) == "calibrate") {
    std::printf("%lld\n", static_cast<long long>(rounds_in(bench::block(std::stod(argv[2]) / 1e3))));
  } else if (argc == 5) {
    const std::int64_t rounds = std::stoll(argv[4]);
    Model model(std::stoll(argv[2]), std::stoll(argv[3]), rounds);
    measure(argv[1], model, rounds);
    model.finalize();
  } else {
    std::fprintf(stderr, "bench_overlap calibrate MILLISECONDS, or bench_overlap NAME LAG POINTS ROUNDS\n");
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  MPI_Finalize();
}
