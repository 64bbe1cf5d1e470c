// Handshake and enddef as a job grows: 2 to 64 component ranks with the same points each, whose ids lie apart, and one
// ML rank. What a component rank allocates must not grow with the ranks. 65 ranks; argument: a folder for plans.
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/echo_plan.hpp"
#include "bench/ratio.hpp"
#include "ekman/coupler.hpp"
#include "tests/allocation_counter.hpp"

namespace {

constexpr int k_most_ranks = 64;
constexpr std::int64_t k_points = 15625;  // of a rank; 64 have 1e6

struct Cost {
  double seconds = 0.0, bytes = 0.0;  // of the slowest component rank; allocated on the one with most
};

// `ranks` components among 0, 1, ... of the world and the last rank; the others return at once.
Cost set_up(const std::string& plan, int ranks) {
  const bool serves = bench::world_rank() == k_most_ranks, takes_part = serves || bench::world_rank() < ranks;
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, takes_part ? 0 : MPI_UNDEFINED, bench::world_rank(), &comm);
  double mine[2] = {0.0, 0.0};
  MPI_Barrier(MPI_COMM_WORLD);
  if (serves) {
    ekman::serve(comm, plan);
  } else if (takes_part) {
    // Id of point i of this rank: all ids are taken, and no neighbours of a rank follow each other.
    const std::int64_t all = k_points * ranks, first = bench::world_rank() * k_points;
    std::vector<std::int64_t> ids(k_points);
    for (std::int64_t i = 0; i < k_points; ++i) ids[i] = (first + i) * 7919 % all;  // a prime that divides none
    const double begin = MPI_Wtime();
    const std::int64_t before = ekman::AllocationCounter::bytes();
    const ekman::AllocationCounter counter;
    ekman::Coupler coupler("atmosphere", comm);
    coupler.def_points(ids);
    coupler.def_field("t", {"K", 1, "p", ""});
    coupler.def_field("dt", {"K", 1, "p", ""});
    coupler.enddef();
    mine[0] = MPI_Wtime() - begin;
    mine[1] = static_cast<double>(ekman::AllocationCounter::bytes() - before);
    coupler.finalize();
  }
  double most[2];
  MPI_Allreduce(mine, most, 2, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  if (comm != MPI_COMM_NULL) MPI_Comm_free(&comm);
  return {most[0], most[1]};
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks != k_most_ranks + 1 || argc != 2) {
    std::fprintf(stderr, "bench_setup FOLDER, on %d ranks; there are %d\n", k_most_ranks + 1, ranks);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  const std::string plan = bench::write_echo_plan(argv[1], "setup", 1024);
  set_up(plan, 2);  // what is loaded and made once
  const int repeats = bench::brief() ? 1 : 7;
  std::vector<double> two;
  for (int component_ranks = 2; component_ranks <= k_most_ranks; component_ranks *= 2) {
    std::vector<double> seconds, bytes, ratios;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      const Cost cost = set_up(plan, component_ranks);
      seconds.push_back(cost.seconds);
      bytes.push_back(cost.bytes);
    }
    if (component_ranks == 2) two = bytes;
    for (int repeat = 0; repeat < repeats; ++repeat) ratios.push_back(bytes[repeat] / two[repeat]);
    if (bench::world_rank() != 0) continue;
    std::printf(
        "%s   # %.0f bytes a rank of %lld points; %.1f ms\n",
        bench::ratio_line(fmt::format("setup_bytes_{}_over_2", component_ranks), ratios, bench::Goal::at_most, 1.05)
            .c_str(),
        bench::median_of(bytes).median, static_cast<long long>(k_points), 1e3 * bench::median_of(seconds).median);
    std::fflush(stdout);
  }
  MPI_Finalize();
}
