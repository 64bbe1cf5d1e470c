// A TorchScript file run as a good engineer would by hand, as FTorch does, from C++ and Fortran: the reference of what
// Ekman couples.
#pragma once

#include <cstdint>

extern "C" {

// One value of the batch that both run, in [-0.5, 0.5); `point` and `level` from 0.
float bench_value(std::int64_t point, std::int64_t level);

// Loads `file`, for batches of [samples, levels], or [samples, levels, ny, nx] if ny > 0, of points from `first` on;
// one thread. `tuned` 1: with the allocator settings of an ML rank; 0: as LibTorch comes. Prints LibTorch and BLAS if
// `talks`.
void bench_script_open(const char* file, std::int64_t first, std::int64_t samples, std::int64_t levels, std::int64_t ny,
                       std::int64_t nx, int tuned, int talks);

// The seconds of one forward when it is called `count` times; the tensor is wrapped in each call.
double bench_script_seconds(int count);

// The output of the last forward: `point` counts from the first one of this batch.
float bench_script_output(std::int64_t point, std::int64_t level);

// As in ratio.hpp.
int bench_pairs();
double bench_block(double seconds);
double bench_median(const double* values, int count);

// Prints the line of ratio.hpp for `count` ratios; goal: "<=", ">=", or "" if there is no target. `note` stands behind
// it.
void bench_print_ratio(const char* name, const double* ratios, int count, const char* goal, double target,
                       const char* note);
}
