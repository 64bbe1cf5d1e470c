// Implements script_by_hand.hpp.
#include "bench/script_by_hand.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>
#include <torch/script.h>
#include <torch/version.h>

#include <chrono>
#include <climits>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/ratio.hpp"

namespace torch::jit {
TORCH_API std::atomic<bool>& getProfilingMode();
}

namespace {

struct ByHand {
  torch::jit::Module network;
  std::vector<std::int64_t> sizes;
  std::vector<float> batch;
  at::Tensor out;

  at::Tensor forward() {
    // A row, not a whole grid, lies together in the batch of columns; else a level of a grid does.
    const at::Tensor in = at::from_blob(batch.data(), sizes, at::kFloat);
    return network.forward({in}).toTensor();
  }
};

ByHand& by_hand() {
  static ByHand one;
  return one;
}

void print_machine() {
  using CoreName = char* (*)();
  const auto core = reinterpret_cast<CoreName>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  std::printf("# LibTorch %s, %s, %d thread\n", TORCH_VERSION,
              core == nullptr ? "no OpenBLAS" : fmt::format("OpenBLAS {}", core()).c_str(), at::get_num_threads());
}

}  // namespace

float bench_value(std::int64_t point, std::int64_t level) {
  return static_cast<float>((point * 131 + level * 71) % 1009) / 1009.0F - 0.5F;
}

void bench_script_open(const char* file, std::int64_t first, std::int64_t samples, std::int64_t levels, std::int64_t ny,
                       std::int64_t nx, int tuned, int talks) {
  if (tuned != 0) {
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 64 << 20);
  }
  at::set_num_threads(1);
  torch::jit::getProfilingMode() = false;
  ByHand& here = by_hand();
  here.network = torch::jit::load(file);
  here.network.eval();
  const std::int64_t points = ny > 0 ? ny * nx : 1;
  here.sizes = {samples, levels};
  if (ny > 0) here.sizes = {samples, levels, ny, nx};
  here.batch.resize(static_cast<std::size_t>(samples * levels * points));
  auto value = here.batch.begin();
  for (std::int64_t s = 0; s < samples; ++s)
    for (std::int64_t l = 0; l < levels; ++l)
      for (std::int64_t p = 0; p < points; ++p) *value++ = bench_value(first + s * points + p, l);
  if (talks != 0) print_machine();
}

double bench_script_seconds(int count) {
  const c10::InferenceMode inference;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) by_hand().out = by_hand().forward();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / count;
}

float bench_script_output(std::int64_t point, std::int64_t level) {
  const ByHand& here = by_hand();
  const std::int64_t points = here.sizes.size() == 4 ? here.sizes[2] * here.sizes[3] : 1;
  const at::Tensor flat = here.out.view({here.out.size(0), here.out.size(1), points});
  return flat[point / points][level][point % points].item<float>();
}

int bench_pairs() { return bench::pairs(); }

double bench_block(double seconds) { return bench::block(seconds); }

double bench_median(const double* values, int count) {
  return bench::median_of(std::vector<double>(values, values + count)).median;
}

void bench_print_ratio(const char* name, const double* ratios, int count, const char* goal, double target,
                       const char* note) {
  const std::vector<double> all(ratios, ratios + count);
  const bench::Goal asked = *goal == '\0'  ? bench::Goal::none
                            : *goal == '<' ? bench::Goal::at_most
                                           : bench::Goal::at_least;
  std::printf("%s   # %s\n", bench::ratio_line(name, all, asked, target).c_str(), note);
  std::fflush(stdout);
}
