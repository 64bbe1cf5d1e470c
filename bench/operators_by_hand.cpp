// The reference of operators.f90: the same operators of LibTorch, from C++.
#include <torch/script.h>

#include "bench/cpu_time.hpp"

namespace {

at::Tensor drawn(std::uint64_t seed) {
  return at::randn({8}, at::detail::createCPUGenerator(seed), at::TensorOptions().dtype(at::kFloat));
}

}  // namespace

extern "C" {

double bench_cpu_seconds() { return bench::cpu_seconds(); }

// Of one operator; `what` as in operators.f90.
double bench_operator_seconds(int what, int count) {
  const at::Tensor a = drawn(1), b = drawn(2), g = drawn(3).set_requires_grad(true);
  at::Tensor c;
  switch (what) {
    case 1:
      return bench::seconds_of(count, [&] { c = a + b; });
    case 2:
      return bench::seconds_of(count, [&] { c = 2.5 * a; });
    case 3:
      return bench::seconds_of(count, [&] { c = a * b + a - b * a; }) / 4;
    case 4:
      return bench::seconds_of(count, [&] { c = a.tanh(); });
    default:
      return bench::seconds_of(count, [&] { c = g * a; });
  }
}
}
