// What a learner has learned, given out and taken back: the same bits go on.
#include <gmock/gmock.h>

#include <fstream>

#include "adapters/torch/learned_network.hpp"
#include "coupler/plan/builtin_networks.hpp"
#include "ekman/error.hpp"
#include "tests/torch_lessons.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

class LearnedStateTest : public LearnerTest {
 protected:
  void learn(const Side& side, int first, int last) {
    while (static_cast<int>(data_.size()) < last) data_.push_back(make_data());
    for (int step = first; step < last; ++step) {
      add(side, data_[static_cast<std::size_t>(step)], 0, step);
      side.learner->step();
    }
  }
  static void expect_same(const LearnedState& a, const LearnedState& b) {
    EXPECT_EQ(a.network, b.network);
    ASSERT_EQ(a.arrays.size(), b.arrays.size());
    for (std::size_t i = 0; i < a.arrays.size(); ++i) {
      EXPECT_EQ(a.arrays[i].name, b.arrays[i].name);
      EXPECT_EQ(a.arrays[i].shape, b.arrays[i].shape);
      EXPECT_EQ(a.arrays[i].bytes, b.arrays[i].bytes) << a.arrays[i].name;
    }
  }
  static bool has(const LearnedState& state, const std::string& name) {
    return std::any_of(state.arrays.begin(), state.arrays.end(), [&](const auto& array) { return array.name == name; });
  }

  std::vector<Data> data_;
};

class EveryOptimizer : public LearnedStateTest, public testing::WithParamInterface<OptimizerKind> {};

TEST_P(EveryOptimizer, GoesOnInTheSameBits) {
  for (const bool more : {false, true}) {
    spec_.training.optimizer.kind = GetParam();
    spec_.training.frozen = {"0.bias"};
    spec_.training.validation = {0.3, 2, 3};
    if (more) {
      spec_.training.optimizer.momentum = 0.9;
      spec_.training.optimizer.amsgrad = spec_.training.optimizer.centered = true;
      spec_.training.optimizer.initial_accumulator = 0.1;
      spec_.training.optimizer.history = 3;
    }
    const Side straight = make_side();
    learn(straight, 0, 10);
    for (const int stop : {0, 5}) {
      const Side before = make_side(), after = make_side();
      learn(before, 0, stop);
      const LearnedState state = before.learner->state();
      learn(after, 0, 2);  // what it knew is forgotten

      after.learner->restore(state);
      expect_same(after.learner->state(), state);
      EXPECT_EQ(after.learner->fingerprint(), before.learner->fingerprint());
      learn(after, stop, 10);

      expect_same(after.learner->state(), straight.learner->state());
      EXPECT_TRUE(at::equal(values(after), values(straight)));
    }
    EXPECT_TRUE(has(straight.learner->state(), "parameters/0.bias"));
  }
}

INSTANTIATE_TEST_SUITE_P(LibTorch, EveryOptimizer,
                         testing::Values(OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw,
                                         OptimizerKind::rmsprop, OptimizerKind::adagrad, OptimizerKind::lbfgs));

TEST_F(LearnedStateTest, HasMomentsByParameter) {
  const Side side = make_side();
  learn(side, 0, 1);
  const LearnedState state = side.learner->state();
  for (const char* name : {"parameters/2.weight", "optimizer/exp_avg/2.weight", "optimizer/exp_avg_sq/0.bias",
                           "optimizer/step", "learning/steps", "last/loss"}) {
    EXPECT_TRUE(has(state, name)) << name;
  }
  EXPECT_EQ(network_source(state.network).name, "mlp");
  EXPECT_EQ(integers_argument(network_source(state.network), "hidden"), std::vector<std::int64_t>{8});
  EXPECT_EQ(text_argument(network_source(state.network), "activation"), "tanh");
}

TEST_F(LearnedStateTest, NamesTheFirstDifference) {
  const Side side = make_side();
  learn(side, 0, 1);
  const LearnedState good = side.learner->state();
  const at::Tensor before = values(side);
  const auto refusal = [&](const std::function<void(LearnedState&)>& spoil) {
    LearnedState state = good;
    spoil(state);
    return error_of([&] { side.learner->restore(state); });
  };
  const auto array = [](LearnedState& state, const std::string& name) -> NamedArray& {
    return *std::find_if(state.arrays.begin(), state.arrays.end(), [&](const auto& a) { return a.name == name; });
  };
  EXPECT_THAT(
      refusal([&](LearnedState& s) {
        array(s, "parameters/0.weight").shape = {3, 8};
      }),
      HasSubstr("network \"convection\" cannot go on from this learned state: \"parameters/0.weight\" is float64 "
                "[3, 8] there, and float64 [8, 3] here; take the plan"));
  EXPECT_THAT(refusal([&](LearnedState& s) { array(s, "parameters/0.weight").kind = ArrayKind::float32; }),
              HasSubstr("is float32 [8, 3] there"));
  EXPECT_THAT(refusal([&](LearnedState& s) { array(s, "optimizer/exp_avg/2.bias").name = "optimizer/exp_avg/3.bias"; }),
              HasSubstr("it has no \"optimizer/exp_avg/2.bias\""));
  EXPECT_THAT(
      refusal([&](LearnedState& s) { s.arrays.push_back(array(s, "learning/steps")), s.arrays.back().name = "x"; }),
      HasSubstr("it has \"x\", which has no place here"));
  EXPECT_THAT(refusal([&](LearnedState& s) { s.network = "mlp"; }), HasSubstr("does not say what network it is of"));
  EXPECT_TRUE(at::equal(values(side), before)) << "a refusal changes nothing";
  spec_.training.optimizer.kind = OptimizerKind::sgd;
  EXPECT_THAT(error_of([&] { make_side().learner->restore(good); }),
              HasSubstr("`training.optimizer` is \"adamw\" there, and \"sgd\" here; take the plan"));
  spec_.training.optimizer.kind = OptimizerKind::adamw;
  spec_.normalize["t"].mean = {0.25};
  EXPECT_THAT(error_of([&] { make_side().learner->restore(good); }), HasSubstr("`normalize` has "));
  spec_.source = mlp_source({7}, "tanh");
  EXPECT_THAT(error_of([&] { make_side().learner->restore(good); }),
              HasSubstr("\"hidden\" is [8] there, and [7] here"));
}

TEST_F(LearnedStateTest, NamesWhatOfTrainingDiffers) {
  const Side side = make_side();
  learn(side, 0, 1);
  const LearnedState good = side.learner->state();
  const TrainingSpec training = spec_.training;
  const auto refusal = [&](const std::function<void(TrainingSpec&)>& change) {
    spec_.training = training;
    change(spec_.training);
    return error_of([&] { make_side().learner->restore(good); });
  };
  EXPECT_THAT(refusal([](TrainingSpec& now) { now.validation.fraction = 0.3; }),
              HasSubstr("it was learned without `training.validation`, which is given here; take the plan and the "
                        "network that it was written with, or begin a new learning from the weights of a checkpoint: "
                        "`network: {checkpoint: FILE}`"));
  EXPECT_THAT(refusal([](TrainingSpec& now) { now.loss.front().kind = LossKind::l1; }),
              HasSubstr("`training.loss` is [\"mse("));
  EXPECT_THAT(refusal([](TrainingSpec& now) { now.frozen = {"0.bias"}; }),
              HasSubstr("`training.trainable` and `training.frozen` leave [] frozen there, and [\"0.bias\"] here"));
  EXPECT_THAT(refusal([](TrainingSpec& now) { now.optimizer.amsgrad = true; }),
              HasSubstr("`training.optimizer` is \"adamw\" there, and \"adamw with amsgrad\" here"));
  EXPECT_EQ(refusal([](TrainingSpec& now) { now.clip_norm = 0.5; }), "") << "this may change";
}

TEST_F(LearnedStateTest, FingerprintSeesOneBit) {
  const Side side = make_side(), other = make_side();
  EXPECT_EQ(side.learner->fingerprint(), other.learner->fingerprint());
  at::NoGradGuard no_grad;
  at::Tensor bias = other.network->parameters().back().tensor;
  bias[0].mul_(1.0 + std::numeric_limits<double>::epsilon());
  EXPECT_NE(side.learner->fingerprint(), other.learner->fingerprint());
}

TEST_F(LearnedStateTest, DescribesWhatLearns) {
  EXPECT_EQ(make_side().learner->describe(), "59 parameters in 4 tensors: all learn");
  spec_.training.frozen = {"*.bias"};
  EXPECT_EQ(make_side().learner->describe(), "59 parameters in 4 tensors: 48 learn, 11 are frozen (0.bias, 2.bias)");
}

TEST_F(LearnedStateTest, WritesAScriptThatGoesOn) {
  EXPECT_EQ(make_side().learner->script(), "");
  torch::jit::Module module("net");
  module.register_parameter("weight", at::randn({3, 3}, at::kDouble), false);
  module.register_parameter("bias", at::zeros({3}, at::kDouble), false);
  module.define("def forward(self, x):\n  return torch.mm(x, self.weight) + self.bias\n");
  use_script(module);
  const Side side = make_side();
  learn(side, 0, 3);
  const std::string path = (folder_ / "learned.pt").string();

  std::ofstream(path, std::ios::binary) << side.learner->script();

  torch::jit::Module learned = torch::jit::load(path);
  const at::Tensor x = at::randn({4, 3}, at::kDouble), y = at::empty({4, 3}, at::kDouble);
  side.network->forward(x, y);
  expect_same_bits(learned.forward({x}).toTensor().detach(), y.detach());
  for (const at::Tensor& parameter : learned.parameters()) EXPECT_TRUE(parameter.requires_grad());
  learn(side, 3, 4);
  const at::Tensor z = at::empty({4, 3}, at::kDouble);
  side.network->forward(x, z);
  EXPECT_FALSE(at::equal(y, z)) << "it goes on learning after it was written";
}

}  // namespace
}  // namespace ekman
