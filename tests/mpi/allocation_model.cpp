// Memory in steady state: a step of a component allocates nothing, and an ML rank needs no more after many steps than
// after a few.
//
// allocation_model PLAN: the last three ranks are ML ranks, by ekman::serve.
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "ekman/coupler.hpp"
#include "tests/allocation_counter.hpp"

namespace {

constexpr std::int64_t k_columns = 50, k_levels = 5;
constexpr int k_ml_ranks = 3;
constexpr int k_warm_steps = 6, k_few = 1000, k_many = 4000;  // a profile is full after few

[[noreturn]] void fail(const char* what, std::int64_t found) {
  std::fprintf(stderr, "FAILED: %s: %lld\n", what, static_cast<long long>(found));
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::abort();
}

void run_component(int rank, int steps) {
  ekman::Coupler coupler("air", MPI_COMM_WORLD);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < k_columns; ++i) ids.push_back((i * 7 % k_columns) * 4 + rank);  // neighbours lie apart
  coupler.def_points(ids);
  for (const char* name : {"a", "a_back", "a_mean", "c", "c_back", "c_other"})
    coupler.def_field(name, {"1", k_levels, "pl", ""});
  for (const char* name : {"b", "b_back"}) coupler.def_field(name, {"1", 1, "p", ""});
  coupler.enddef();

  std::vector<double> columns(k_columns * k_levels, 1.0 + rank), columns_back(columns.size());
  std::vector<float> surface(k_columns, 3.0F), surface_back(surface.size());
  const ekman::ArrayView in = ekman::contiguous_view(columns.data(), {k_columns, k_levels});
  const ekman::ArrayView out = ekman::contiguous_view(columns_back.data(), {k_columns, k_levels});
  const ekman::ArrayView half = ekman::contiguous_view(surface.data(), {k_columns / 2});
  const ekman::ArrayView back = ekman::contiguous_view(surface_back.data(), {k_columns});
  for (int step = 1; step <= steps; ++step) {
    std::optional<ekman::AllocationCounter> counter;
    if (step > k_warm_steps) counter.emplace();
    coupler.put("a", in);
    coupler.put("b", half, {k_columns / 2});
    coupler.put("b", half, {0});
    coupler.put("c", in);
    coupler.put("c_other", in);
    coupler.get("a_back", out);
    coupler.get("b_back", back);
    coupler.get("a_mean", out);
    coupler.get("c_back", out);
    coupler.advance();
  }
  if (ekman::AllocationCounter::count() != 0)
    fail("allocations of a component rank behind the first steps", ekman::AllocationCounter::count());
  if (columns_back != columns || surface_back != surface) fail("a field came back otherwise", 0);
  coupler.finalize();
}

// The most that was allocated at a time, beyond what was there before.
std::int64_t run(int rank, int ranks, const char* plan, int steps) {
  const std::int64_t before = ekman::live_bytes();
  ekman::reset_peak();
  if (rank < ranks - k_ml_ranks) {
    run_component(rank, steps);
  } else {
    ekman::serve(MPI_COMM_WORLD, plan);
  }
  return ekman::peak_bytes() - before;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (argc != 2 || ranks <= k_ml_ranks) fail("arguments, or ranks", ranks);
  run(rank, ranks, argv[1], k_few);  // what is made once is made now
  const std::int64_t few = run(rank, ranks, argv[1], k_few), many = run(rank, ranks, argv[1], k_many);
  // A pointer a step would be 23 kB.
  if (few <= 0 || many > few + 16384) fail("bytes that many steps need more than few", many - few);
  MPI_Finalize();
  return 0;
}
