// The engine alone, without coupling: a chunk through `optimize: none`, `freeze`, `inference` and `auto`, against
// LibTorch's forward on the same rows in one call with the same allocator, in seconds of the processor.
//
// engine FOLDER   of what networks.py wrote
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/house.hpp"
#include "adapters/torch/torch_engine.hpp"
#include "bench/cpu_time.hpp"
#include "bench/ratio.hpp"
#include "coupler/base/process_tuning.hpp"

namespace {

using ekman::NetworkSpec;
using ekman::Optimize;

constexpr double k_block = 0.06;

struct Case {
  const char* network;
  std::int64_t samples, levels_in, levels_out, side, tile;  // side: of a grid; 0: columns
};

constexpr Case k_cases[] = {
    {"mlp", 1, 128, 128, 0, 0},    {"mlp", 8, 128, 128, 0, 0},     {"mlp", 16, 128, 128, 0, 0},
    {"mlp", 64, 128, 128, 0, 0},   {"mlp", 256, 128, 128, 0, 0},   {"mlp", 1024, 128, 128, 0, 0},
    {"mlp", 4096, 128, 128, 0, 0}, {"mlp", 16384, 128, 128, 0, 0}, {"mlp", 16384, 128, 128, 0, 1024},
    {"unet", 8, 4, 2, 64, 1},      {"unet", 8, 4, 2, 64, 8},       {"fno", 8, 4, 2, 64, 1},
    {"fno", 8, 4, 2, 64, 8}};

NetworkSpec spec_of(const Case& one, const std::string& path, Optimize optimize) {
  NetworkSpec spec;
  spec.name = one.network;
  spec.source.kind = ekman::SourceKind::torchscript;
  spec.source.path = path;
  spec.inputs = {{{"x"}, ekman::Combine::concat}};
  spec.outputs = {{{"y"}, ekman::Combine::concat}};
  spec.chunk = one.samples;
  spec.tile = one.tile;
  spec.optimize = optimize;
  if (one.side == 0) return spec;
  spec.sample = ekman::Sample::grid;
  spec.grid_ny = spec.grid_nx = one.side;
  return spec;
}

void measure(const Case& one, const std::string& path) {
  const std::int64_t points = one.side == 0 ? 1 : one.side * one.side;
  std::vector<std::int64_t> sizes{one.samples, one.levels_in};
  if (one.side > 0) sizes = {one.samples, one.levels_in, one.side, one.side};
  const at::Tensor batch = at::rand(sizes);
  const at::Tensor rows = at::rand({one.samples * points, one.levels_in});
  at::Tensor out = at::empty({one.samples * points, one.levels_out});
  torch::jit::Module network = torch::jit::load(path);
  network.eval();
  const auto by_hand = [&] {
    const c10::InferenceMode inference;
    network.forward({at::from_blob(batch.data_ptr(), sizes, at::kFloat)});
  };
  for (const auto& [word, optimize] : {std::pair{"none", Optimize::none},

                                       {"inference", Optimize::inference},
                                       {"auto", Optimize::automatic}}) {
    const NetworkSpec spec = spec_of(one, path, optimize);
    const auto engine = ekman::make_torch_engine(spec, ekman::make_row_layout(spec.inputs, {one.levels_in}),
                                                 ekman::make_row_layout(spec.outputs, {one.levels_out}), {}, "cpu", 1);
    const auto ours = [&] {
      engine->forward(static_cast<const std::byte*>(rows.data_ptr()), static_cast<std::byte*>(out.data_ptr()),
                      one.samples * points);
    };
    const double first = bench::seconds_of(1, ours);
    by_hand();
    const int count = std::clamp(static_cast<int>(bench::block(k_block) / bench::seconds_of(2, by_hand)), 1, 20000);
    std::vector<double> ratios, times, alone;
    for (int pair = 0; pair < bench::pairs(); ++pair) {
      alone.push_back(bench::seconds_of(count, by_hand));
      times.push_back(bench::seconds_of(count, ours));
      ratios.push_back(alone.back() / times.back());
    }
    const std::string tile = one.tile > 0 ? fmt::format("_tile{}", one.tile) : "";
    const std::string line =
        fmt::format("{}   # microseconds: engine {:.1f} (first call {:.1f}), LibTorch alone {:.1f}\n",
                    bench::ratio_line(fmt::format("engine_{}_{}{}_{}", one.network, one.samples, tile, word), ratios),
                    1e6 * bench::median_of(times).median, 1e6 * first, 1e6 * bench::median_of(alone).median);
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "engine FOLDER [NETWORK]: a folder with what networks.py wrote\n");
    return 2;
  }
  ekman::tune_process();
  at::set_num_threads(1);
  ekman::compat::stop_profiling();
  for (const Case& one : k_cases) {
    if (argc > 2 && std::string(argv[2]) != one.network) continue;
    if (bench::brief() && one.samples > 1024) continue;
    measure(one, std::string(argv[1]) + "/" + one.network + ".pt");
  }
}
