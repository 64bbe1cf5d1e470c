// What makes learning on the CPU cheaper than LibTorch's own way, and gives the same: the MLP's pass by hand, AdamW in
// one loop, and one forward for serving and learning.
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include "adapters/torch/adamw_step.hpp"
#include "adapters/torch/mlp_pass.hpp"
#include "ekman/error.hpp"
#include "tests/torch_lessons.hpp"

namespace ekman {
namespace {

double difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

struct Network {
  explicit Network(at::Tensor (*activation)(const at::Tensor&)) {
    torch::nn::Linear first(5, 7), second(7, 6), last(6, 3);
    for (torch::nn::Linear linear : {first, second, last}) {
      linear->to(at::kDouble);
      layers.push_back({linear->weight, linear->bias});
    }
    const torch::nn::Functional bend(activation);
    sequential = torch::nn::Sequential(first, bend, second, bend, last);
  }
  torch::nn::Sequential sequential;
  std::vector<MlpLayer> layers;
};

// Rows fill blocks, and the last one in part.
TEST(MlpPass, GivesOutputsAndGradientsOfLibTorch) {
  at::manual_seed(3);
  const std::vector<std::pair<std::string, at::Tensor (*)(const at::Tensor&)>> activations{
      {"relu", [](const at::Tensor& x) { return at::relu(x); }},
      {"tanh", [](const at::Tensor& x) { return at::tanh(x); }},
      {"sigmoid", [](const at::Tensor& x) { return at::sigmoid(x); }}};
  for (std::size_t i = 0; i < 2 * activations.size(); ++i) {
    const auto& [name, activation] = activations[i / 2];
    at::set_num_threads(1 + static_cast<int>(i % 2));
    ASSERT_TRUE(has_mlp_pass(name));
    Network network(activation);
    const at::Tensor x = at::randn({1300, 5}, at::kDouble).requires_grad_(true),
                     given = at::randn({1300, 3}, at::kDouble);
    std::vector<at::Tensor> leaves = network.sequential->parameters();
    leaves.push_back(x);
    std::vector<at::Tensor> expected;
    const at::Tensor by_libtorch = network.sequential->forward(x);
    by_libtorch.backward(given);
    for (at::Tensor& leaf : leaves) {
      expected.push_back(leaf.grad().clone());
      leaf.mutable_grad().reset();
    }

    const at::Tensor out = mlp_pass(x, network.layers, name);
    out.backward(given);

    EXPECT_LT(difference(out, by_libtorch), 1e-12) << name;
    for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf)
      EXPECT_LT(difference(leaves[leaf].grad(), expected[leaf]), 1e-10) << name << leaf;
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(at::equal(mlp_pass(x, network.layers, name), out)) << name << ": other bits without autograd";
  }
}

TEST(MlpPass, GivesNoGradientToWhatIsFrozen) {
  Network network([](const at::Tensor& x) { return at::relu(x); });
  for (std::size_t l = 0; l < 2; ++l) network.layers[l].weight.requires_grad_(false);
  network.layers[0].bias.requires_grad_(false);

  mlp_pass(at::randn({10, 5}, at::kDouble), network.layers, "relu").sum().backward();

  EXPECT_FALSE(network.layers[0].weight.grad().defined());
  EXPECT_FALSE(network.layers[0].bias.grad().defined());
  EXPECT_FALSE(network.layers[1].weight.grad().defined());
  EXPECT_TRUE(network.layers[1].bias.grad().defined());
  EXPECT_TRUE(network.layers[2].weight.grad().defined());
}

TEST(MlpPass, IsNotForActivationsWhoseDerivativeNeedsTheirArgument) { EXPECT_FALSE(has_mlp_pass("gelu")); }

TEST(AdamWStep, StepsAsLibTorchDoes) {
  for (const at::ScalarType kind : {at::kDouble, at::kFloat}) {
    at::manual_seed(4);
    at::Tensor mine = at::randn({1001}, kind), other = mine.clone();
    torch::optim::AdamWOptions options(1e-2);
    options.weight_decay(0.1).betas(std::make_tuple(0.8, 0.95));
    torch::optim::AdamW optimizer({mine.requires_grad_(true)}, options),
        by_libtorch({other.requires_grad_(true)}, options);
    ASSERT_TRUE(has_adamw_step(optimizer));
    for (int step = 0; step < 10; ++step) {
      mine.mutable_grad() = at::randn({1001}, kind);
      other.mutable_grad() = mine.grad().clone();
      adamw_step(optimizer);
      by_libtorch.step();
    }
    EXPECT_LT(difference(mine, other), kind == at::kDouble ? 1e-14 : 1e-5);
  }
}

TEST(AdamWStep, IsNotForAmsgradNorForOtherOptimizers) {
  const at::Tensor values = at::ones({3}).requires_grad_(true);
  torch::optim::AdamW amsgrad({values}, torch::optim::AdamWOptions(1e-2).amsgrad(true));
  EXPECT_FALSE(has_adamw_step(amsgrad));
}

class OneForwardTest : public LearnerTest {
 protected:
  OneForwardTest() { spec_.normalize["t"] = {{0.5}, {2.0}}; }
  std::unique_ptr<Engine> make_engine() const { return make_torch_engine(spec_, in_, out_, truth_, "cpu", 1); }
  static at::Tensor serve(Engine& engine, const Data& data, bool to_learn) {
    const at::Tensor out = at::zeros({k_rows, 3}, at::kDouble);
    const auto* in = static_cast<const std::byte*>(data.in.data_ptr());
    auto* to = static_cast<std::byte*>(out.data_ptr());
    if (to_learn) {
      engine.forward_to_learn(0, in, to, data.rows);
    } else {
      engine.forward(in, to, data.rows);
    }
    return out;
  }
  // The bits of the gradient that a lesson leaves.
  static at::Tensor learn(Engine& engine, const Data& data, std::int64_t draw = 0) {
    std::vector<std::int64_t> ids(k_rows);
    Lesson lesson;
    lesson.in = static_cast<const std::byte*>(data.in.data_ptr());
    lesson.truth = static_cast<const std::byte*>(data.truth.data_ptr());
    lesson.rows = data.rows;
    lesson.ids = ids.data();
    lesson.draw = draw;
    Learner& learner = *engine.learner();
    learner.add(lesson);
    const at::Tensor gradient = at::from_blob(learner.gradient(), {learner.gradient_size()}, at::kDouble).clone();
    learner.drop();
    return gradient;
  }
};

TEST_F(OneForwardTest, ServesAndTeachesTheSameBits) {
  const auto one = make_engine(), other = make_engine();
  for (const std::int64_t rows : {k_rows, k_rows - 2}) {  // with pads in the last tile
    const Data data = make_data(rows);
    EXPECT_TRUE(at::equal(serve(*one, data, true).narrow(0, 0, rows), serve(*other, data, false).narrow(0, 0, rows)));
    EXPECT_TRUE(at::equal(learn(*one, data), learn(*other, data)));
  }
}

// Shown by inputs that are others when the lesson comes.
TEST_F(OneForwardTest, IsTheOnlyForwardOnce) {
  const auto one = make_engine(), other = make_engine();
  const Data data = make_data(), changed{data.in * 2.0, data.truth};
  serve(*one, data, true);
  EXPECT_TRUE(at::equal(learn(*one, changed), learn(*other, data)));
  EXPECT_TRUE(at::equal(learn(*one, changed), learn(*other, changed)));
}

TEST_F(OneForwardTest, IsNotForReplay) {
  const auto one = make_engine(), other = make_engine();
  const Data data = make_data(), changed{data.in * 2.0, data.truth};
  serve(*one, data, true);
  EXPECT_TRUE(at::equal(learn(*one, changed, 1), learn(*other, changed, 1)));
}

TEST_F(OneForwardTest, IsNotForTilesWithMaskedRows) {
  const auto one = make_engine(), other = make_engine();
  const Data data = make_data();
  data.in[1].fill_(k_nan);
  data.truth[1][3] = 0.0;
  serve(*one, data, true);
  const at::Tensor gradient = learn(*one, data);
  EXPECT_TRUE(at::equal(gradient, learn(*other, data)));
  EXPECT_TRUE(at::isfinite(gradient).all().item<bool>());
}

}  // namespace
}  // namespace ekman
