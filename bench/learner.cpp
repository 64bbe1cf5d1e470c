// The learner alone, without coupling: an optimizer step of the built-in MLP from a chunk, against LibTorch's plain
// loop with the same allocator, in seconds of the processor.
//
// learner [SAMPLES TILE]   only these
#include "coupler/engine/learner.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/container/functional.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>

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
#include "tests/builtin_sources.hpp"

namespace {

constexpr int k_levels = 128;
constexpr double k_block = 0.15;

ekman::NetworkSpec spec_of(std::int64_t samples, std::int64_t tile) {
  ekman::NetworkSpec spec;
  spec.name = "net";
  spec.source = ekman::mlp_source({256, 256});
  spec.inputs = {{{"x"}, ekman::Combine::concat}};
  spec.outputs = {{{"y"}, ekman::Combine::concat}};
  spec.chunk = samples;
  spec.tile = tile;
  ekman::TrainingSpec& training = spec.training;
  training.given = true;
  training.targets = {{"y", "y_true"}};
  training.loss.resize(1);
  training.loss[0].fields = {"y"};
  training.optimizer.lr = 1e-3;
  training.optimizer.weight_decay = 1e-2;
  return spec;
}

class PlainLoop {
 public:
  PlainLoop() : optimizer_(layers_->parameters(), torch::optim::AdamWOptions(1e-3).weight_decay(1e-2)) {}
  void step(const at::Tensor& x, const at::Tensor& target) {
    optimizer_.zero_grad();
    torch::nn::functional::mse_loss(layers_->forward(x), target).backward();
    optimizer_.step();
  }

 private:
  torch::nn::Sequential layers_{torch::nn::Linear(k_levels, 256), torch::nn::Functional(at::relu),
                                torch::nn::Linear(256, 256), torch::nn::Functional(at::relu),
                                torch::nn::Linear(256, k_levels)};
  torch::optim::AdamW optimizer_;
};

void measure(std::int64_t samples, std::int64_t tile) {
  const at::Tensor x = at::rand({samples, k_levels}) - 0.5, target = at::rand({samples, k_levels}) - 0.5;
  const ekman::NetworkSpec spec = spec_of(samples, tile);
  const auto layout = [](const char* name) {
    return ekman::make_row_layout({{{name}, ekman::Combine::concat}}, {k_levels});
  };
  const auto engine = ekman::make_torch_engine(spec, layout("x"), layout("y"), layout("y_true"), "cpu", 1);
  ekman::Learner& learner = *engine->learner();
  std::vector<std::int64_t> ids(samples);
  ekman::Lesson lesson;
  lesson.in = static_cast<const std::byte*>(x.data_ptr());
  lesson.truth = static_cast<const std::byte*>(target.data_ptr());
  lesson.rows = samples;
  lesson.ids = ids.data();
  const auto ours = [&] {
    learner.add(lesson);
    learner.step();
    ++lesson.exchange;
  };
  at::Tensor y = at::empty({samples, k_levels});
  const auto served = [&] {
    engine->forward_to_learn(0, lesson.in, static_cast<std::byte*>(y.data_ptr()), samples);
    ours();
  };
  const auto forward = [&] { engine->forward(lesson.in, static_cast<std::byte*>(y.data_ptr()), samples); };
  const auto twice = [&] {
    forward();
    ours();
  };
  PlainLoop loop;
  const auto by_hand = [&] { loop.step(x, target); };
  for (int i = 0; i < 3; ++i) served(), by_hand();
  const int count = std::clamp(static_cast<int>(bench::block(k_block) / bench::seconds_of(3, by_hand)), 1, 20000);
  std::vector<double> alone, learning, serving, both, forwards;
  for (int pair = 0; pair < bench::pairs(); ++pair) {
    alone.push_back(bench::seconds_of(count, by_hand));
    learning.push_back(bench::seconds_of(count, ours));
    alone.push_back(bench::seconds_of(count, by_hand));
    serving.push_back(bench::seconds_of(count, served));
    both.push_back(bench::seconds_of(count, twice));
    forwards.push_back(bench::seconds_of(count, forward));
  }
  const auto print = [&](const char* what, const std::vector<double>& times, std::size_t first) {
    std::vector<double> ratios;
    for (std::size_t pair = 0; pair < times.size(); ++pair) ratios.push_back(alone[2 * pair + first] / times[pair]);
    const std::string line =
        fmt::format("{}   # microseconds: {:.1f}, LibTorch's loop {:.1f}; {}\n",
                    bench::ratio_line(fmt::format("learner_{}_tile{}_{}", samples, tile, what), ratios),
                    1e6 * bench::median_of(times).median, 1e6 * bench::median_of(alone).median, engine->describe());
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  };
  print("none", learning, 0);
  print("get", serving, 1);
  print("two_forwards", both, 1);
  print("forward_alone", forwards, 1);
}

}  // namespace

int main(int argc, char** argv) {
  ekman::tune_process();
  at::set_num_threads(1);
  ekman::compat::stop_profiling();
  if (argc > 2) {
    measure(std::stoll(argv[1]), std::stoll(argv[2]));
    return 0;
  }
  for (const auto& [samples, tile] : {std::pair{64, 64}, {256, 256}, {1024, 256}, {1024, 1024}}) measure(samples, tile);
}
