// A guest's manners: a network that runs in the model's own process leaves the model's OpenMP threads, its
// floating-point traps and its flush of denormals as they were, and is not touched by them.
#include <omp.h>

#include <cfenv>
#include <cstdint>
#include <cstring>
#include <ekman/coupler.hpp>
#include <iostream>
#include <vector>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

constexpr int k_threads = 3;
constexpr int k_traps = FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW;

unsigned control() {
#if defined(__SSE2__)
  return _mm_getcsr() & 0xffc0u;  // without the flags of what has happened
#else
  return 0;
#endif
}

void flush_denormals() {
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8000u);
#endif
}

int wrong = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++wrong;
  std::cout << "FAILED: " << what << "\n" << std::flush;
}

void run() {
  ekman::Coupler coupler("atmosphere", MPI_COMM_WORLD);
  coupler.def_points({0, 1, 2, 3, 4, 5, 6});
  coupler.def_field("x");
  coupler.def_field("y");
  omp_set_num_threads(k_threads);
  feenableexcept(k_traps);
  flush_denormals();
  const unsigned before = control();

  coupler.enddef();
  const std::vector<float> x(7, 1e-10f);
  std::vector<float> y(7, 0.0f);
  coupler.put("x", ekman::contiguous_view(x.data(), {7}));
  coupler.get("y", ekman::contiguous_view(y.data(), {7}));

  expect(control() == before && fegetexcept() == k_traps, "traps and flushes are the model's");
  expect(omp_get_max_threads() == k_threads, "the model has its threads");
  fedisableexcept(FE_ALL_EXCEPT);
  std::uint32_t bits = 0;
  std::memcpy(&bits, y.data(), sizeof bits);
  expect(bits != 0 && bits < 0x00800000u, "the network makes a denormal");
  coupler.advance();
  coupler.finalize();
}

}  // namespace

// The network divides by zero on its way, and multiplies by 1e-30.
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return wrong == 0 ? 0 : 1;
}
