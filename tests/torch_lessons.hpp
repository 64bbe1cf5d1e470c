// A small network that learns, and lessons for it, for tests of learners.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/torch/builtin_network.hpp"
#include "adapters/torch/torch_learner.hpp"
#include "tests/torch_networks.hpp"

namespace ekman {

// Inputs t (2 levels) and q, outputs a (2 levels) and b, with targets of b before those of a, and weights. Chunks of 12
// rows in tiles of 4, float64 throughout. Ids of chunk c begin at 12 c.
class LearnerTest : public TorchEngineTest {
 protected:
  static constexpr std::int64_t k_rows = 12;  // of one chunk
  static constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();

  LearnerTest() {
    spec_.name = "convection";
    spec_.source = mlp_source({8}, "tanh");
    spec_.inputs = {{{"t", "q"}}};
    spec_.outputs = {{{"a", "b"}}};
    spec_.chunk = k_rows;
    spec_.tile = 4;
    spec_.wire = Real::float64;
    spec_.compute = Compute::float64;
    spec_.normalize = {{"t", {{0.5}, {2.0}}}, {"a", {{-1.0}, {3.0}}}};
    spec_.training.given = true;
    spec_.training.targets = {{"a", "a_true"}, {"b", "b_true"}};
    spec_.training.weights = "area";
    spec_.training.loss = {term(LossKind::mse, {"a"}, 0.4), term(LossKind::l1, {"b"}, 0.6)};
    spec_.training.optimizer.weight_decay = 0.01;
    spec_.training.optimizer.lr = 0.05;
    spec_.training.schedule.warmup = 2;
    in_ = make_row_layout(spec_.inputs, {2, 1});
    out_ = make_row_layout(spec_.outputs, {2, 1});
    truth_ = make_row_layout({{{"b_true", "a_true", "area"}}}, {1, 2, 1});
    at::manual_seed(5);
  }

  static LossTerm term(LossKind kind, std::vector<std::string> fields, double weight = 1.0, std::string source = "") {
    LossTerm term;
    term.kind = kind;
    term.fields = std::move(fields);
    term.weight = weight;
    term.source = std::move(source);
    return term;
  }

  // From now on the network is a TorchScript file.
  void use_script(const torch::jit::Module& module) {
    spec_.source.kind = SourceKind::torchscript;
    spec_.source.path = (folder_ / "net.pt").string();
    module.save(spec_.source.path);
  }

  struct Side {
    std::unique_ptr<TorchNetwork> network;
    std::unique_ptr<Learner> learner;
  };
  Side make_side() const {
    Side side;
    const at::Device cpu(at::kCPU);
    side.network = spec_.source.kind == SourceKind::builtin ? make_builtin_network(spec_, in_, out_, cpu, at::kDouble)
                                                            : load_script_network(spec_, in_, out_, cpu, at::kDouble);
    side.learner = make_torch_learner(spec_, *side.network, in_, out_, truth_,
                                      row_normalization(spec_, in_, at::TensorOptions(cpu).dtype(at::kDouble)));
    return side;
  }

  static at::Tensor values(const Side& side) {
    std::vector<at::Tensor> all;
    for (const NamedParameter& parameter : side.network->parameters())
      all.push_back(parameter.tensor.detach().reshape({-1}));
    return at::cat(all).clone();
  }

  struct Data {
    at::Tensor in, truth;
    std::int64_t rows = k_rows;
  };
  static Data make_data(std::int64_t rows = k_rows) {
    return {at::randn({k_rows, 3}, at::kDouble),
            at::cat({at::randn({k_rows, 3}, at::kDouble), at::rand({k_rows, 1}, at::kDouble) + 0.5}, 1), rows};
  }
  static void add(const Side& side, const Data& data, std::int64_t chunk = 0, std::int64_t exchange = 0,
                  std::int64_t draw = 0) {
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < k_rows; ++i) ids.push_back(chunk * k_rows + i);
    Lesson lesson;
    lesson.in = static_cast<const std::byte*>(data.in.data_ptr());
    lesson.truth = static_cast<const std::byte*>(data.truth.data_ptr());
    lesson.rows = data.rows;
    lesson.ids = ids.data();
    lesson.chunk = chunk;
    lesson.exchange = exchange;
    lesson.draw = draw;
    side.learner->add(lesson);
  }
  static at::Tensor gradient(const Side& side) {
    return at::from_blob(side.learner->gradient(), {side.learner->gradient_size()}, at::kDouble);
  }
  // As ranks do it: afterwards each has the sums of both.
  static void reduce(const Side& first, const Side& second) {
    const at::Tensor sum = gradient(first) + gradient(second);
    gradient(first).copy_(sum);
    gradient(second).copy_(sum);
    for (std::size_t i = 0; i < first.learner->sums().size(); ++i)
      first.learner->sums()[i] += second.learner->sums()[i];
    second.learner->sums() = first.learner->sums();
  }
  template <class Work>
  static std::string error_of(Work&& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  NetworkSpec spec_;
  RowLayout in_, out_, truth_;
};

}  // namespace ekman
