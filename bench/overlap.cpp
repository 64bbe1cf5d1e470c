// A component that puts, computes, and gets, while the network runs: the time of a step against the longer of physics
// and network alone, both a loop of arithmetic of the same length without MPI. 2 ranks on 2 cores, of one node or of
// two:
//
// overlap TRANSPORT [MILLISECONDS]
//   TRANSPORT     auto | point_to_point
//   of each size first with `lag: 0`, then with `lag: 1`
//   MILLISECONDS  of physics and of network; 50 by default
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "bench/ratio.hpp"
#include "coupler/comm/handshake.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/definitions.hpp"
#include "coupler/session/ml_side.hpp"
#include "coupler/session/startup.hpp"
#include "coupler/session/survey.hpp"
#include "ekman/coupler.hpp"

namespace {

using namespace ekman;

constexpr int k_pairs = 15;
constexpr int k_steps = 10;
constexpr int k_chunks = 16;
constexpr std::int64_t k_levels = 256;  // a row is 1 KiB
constexpr std::int64_t k_points[] = {64, 1024, 4096};

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
bool is_component() { return world_rank() == 0; }

// Arithmetic that no other rank speeds up or slows down, unless it takes the core.
void work(std::int64_t rounds) {
  volatile double result = 1.0;
  double value = result;
  for (std::int64_t i = 0; i < rounds; ++i) value = value * 0.999999 + 1e-6;
  result = value;
}

double seconds_of(std::int64_t rounds) {
  const double begin = MPI_Wtime();
  work(rounds);
  return MPI_Wtime() - begin;
}

// Rounds of one core, when the other works too, in about `seconds`.
std::int64_t rounds_in(double seconds) {
  constexpr std::int64_t k_try = 10'000'000;
  MPI_Barrier(MPI_COMM_WORLD);
  double best = seconds_of(k_try);
  for (int i = 0; i < 5; ++i) best = std::min(best, seconds_of(k_try));
  MPI_Allreduce(MPI_IN_PLACE, &best, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return static_cast<std::int64_t>(k_try * seconds / best);
}

// An echo that takes its time.
class SlowEcho final : public Engine {
 public:
  SlowEcho(std::int64_t rounds, std::int64_t row_bytes) : rounds_(rounds), row_bytes_(row_bytes) {}
  void forward(const std::byte* in, std::byte* out, std::int64_t rows) override {
    work(rounds_);
    std::memcpy(out, in, static_cast<std::size_t>(rows * row_bytes_));
  }
  std::string describe() const override { return "slow echo"; }
  std::string arithmetic() const override { return ""; }
  NetworkSize size() const override { return {}; }

 private:
  std::int64_t rounds_, row_bytes_;
};

// One line of figures.
struct Case {
  std::string transport;
  std::int64_t lag;
  std::int64_t points;
};

// `words`: those of the case.
Plan make_plan(const std::string& words) {
  std::istringstream text(words);
  std::string transport;
  std::int64_t points = 0;
  NetworkSpec network;
  text >> transport >> network.lag >> points;
  network.name = "echo";
  network.component = "atmosphere";
  network.chunk = points / k_chunks;
  network.transport = transport == "auto" ? Transport::automatic : Transport::point_to_point;
  network.inputs = {{{"t"}, Combine::concat}};
  network.outputs = {{{"dt"}, Combine::concat}};
  Plan plan;
  plan.components = {{"atmosphere", 0, -1, {}}};
  plan.networks = {network};
  return plan;
}

// What `ekman serve` does, with that engine.
void serve(const Case& its, std::int64_t rounds) {
  std::vector<Communicator> found = handshake(MPI_COMM_WORLD, {k_group_name});
  const Job job = start_ml(std::make_unique<Watchdog>("ML rank", 600 * k_microseconds_per_second), std::move(found[0]),
                           fmt::format("{} {} {}", its.transport, its.lag, its.points), &make_plan);
  job.watchdog->introduce({true, true, 0, 0, 0});
  compare_definitions(job);
  const NetworkSpec& spec = job.plan.networks[0];
  Route route = make_ml_route(split_route(job, 0, "", 0), spec);
  auto engine = std::make_unique<SlowEcho>(rounds / k_chunks, route.in.row_bytes);
  MlSide side(std::move(route), spec, std::move(engine), {nullptr, 1, step_clock(job.plan, "atmosphere"), {"echo"}}, {},
              {}, job.shared_cores, job.watchdog->state());
  agree(job.all, ErrorCode::network, "");
  survey_nodes(job, "ekman serve", true);
  side.serve();
}

struct Timing {
  double step, put, get;
};

// Of one step, on the component's rank.
Timing couple(const Case& its, std::int64_t rounds) {
  const std::int64_t points = its.points;
  Coupler coupler("atmosphere", MPI_COMM_WORLD);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(points));
  std::iota(ids.begin(), ids.end(), 0);
  coupler.def_points(ids);
  coupler.def_field("t", {"K", k_levels, "pl", ""});
  coupler.def_field("dt", {"K", k_levels, "pl", ""});
  coupler.enddef();
  std::vector<float> t(static_cast<std::size_t>(points * k_levels)), dt(t.size()), expected(t.size());
  Timing sum{0.0, 0.0, 0.0};
  for (int step = 0; step <= k_steps; ++step) {
    std::iota(t.begin(), t.end(), static_cast<float>(step));
    const double begin = MPI_Wtime();
    coupler.put("t", contiguous_view(t.data(), {points, k_levels}));
    const double put = MPI_Wtime();
    work(rounds);
    const double physics = MPI_Wtime();
    coupler.get("dt", contiguous_view(dt.data(), {points, k_levels}));
    coupler.advance();
    const double end = MPI_Wtime();
    std::iota(expected.begin(), expected.end(), static_cast<float>(step - its.lag));
    if (step >= its.lag && dt != expected) {
      std::fprintf(stderr, "step %d: what came back is not what was put for it\n", step);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    if (step > 0) sum = {sum.step + end - begin, sum.put + put - begin, sum.get + end - physics};
  }
  coupler.finalize();
  return {sum.step / k_steps, sum.put / k_steps, sum.get / k_steps};
}

void measure(const Case& its, const std::string& where, std::int64_t rounds) {
  std::vector<double> ratios, steps, puts, gets;
  for (int pair = 0; pair < k_pairs; ++pair) {
    MPI_Barrier(MPI_COMM_WORLD);
    double longer = 0.0;
    for (int step = 0; step < k_steps; ++step) longer += seconds_of(rounds) / k_steps;
    MPI_Allreduce(MPI_IN_PLACE, &longer, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (!is_component()) {
      serve(its, rounds);
      continue;
    }
    const Timing timing = couple(its, rounds);
    ratios.push_back(timing.step / longer);
    steps.push_back(1e3 * timing.step);
    puts.push_back(1e3 * timing.put);
    gets.push_back(1e3 * timing.get);
  }
  if (!is_component()) return;
  const std::string line =
      bench::ratio_line(fmt::format("overlap_lag{}_{}_{}KiB", its.lag, where, its.points * k_levels * 4 / 1024), ratios,
                        bench::Goal::at_most, 1.1);
  std::printf("%s   # step %.2f ms, put %.2f ms, get %.2f ms\n", line.c_str(), bench::median_of(steps).median,
              bench::median_of(puts).median, bench::median_of(gets).median);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const MpiProcess process(&argc, &argv);
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks != 2 || argc < 2) {
    std::fprintf(stderr, "overlap auto|point_to_point [MILLISECONDS], on 2 ranks; there are %d\n", ranks);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  const std::string transport = argv[1];
  const bool one_node = Communicator::borrow(MPI_COMM_WORLD).split_node().size() == ranks;
  const std::string where = !one_node ? "nodes" : transport == "auto" ? "window" : "messages";
  const std::int64_t rounds = rounds_in(argc > 2 ? std::stod(argv[2]) / 1e3 : 0.05);
  for (const std::int64_t points : k_points)
    for (const std::int64_t lag : {0, 1}) measure({transport, lag, points}, where, rounds);
  return 0;
}
