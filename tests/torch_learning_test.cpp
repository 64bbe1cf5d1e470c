// The parts of learning, each against LibTorch used as its tutorials do: losses of rows, parameters in one buffer,
// optimizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/container/functional.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>

#include <limits>

#include "adapters/torch/flat_parameters.hpp"
#include "adapters/torch/optimizer.hpp"
#include "adapters/torch/row_loss.hpp"
#include "adapters/torch/torch_learner.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

namespace F = torch::nn::functional;
using testing::HasSubstr;

torch::nn::Sequential make_network() {
  torch::manual_seed(3);
  torch::nn::Sequential network(torch::nn::Linear(5, 16), torch::nn::Functional(torch::tanh), torch::nn::Linear(16, 4));
  network->to(at::kDouble);
  return network;
}

std::vector<NamedParameter> named(torch::nn::Sequential& network) {
  std::vector<NamedParameter> parameters;
  for (const auto& entry : network->named_parameters()) parameters.push_back({entry.key(), entry.value()});
  return parameters;
}

LossTerm term_of(LossKind kind, const std::string& field, double weight) {
  LossTerm term;
  term.kind = kind;
  term.fields = {field};
  term.weight = weight;
  return term;
}

// LibTorch's mean over everything is the mean over rows of ours.
TEST(RowLoss, MeansAreLibTorchs) {
  const at::Tensor out = at::randn({7, 4}, at::kDouble), target = at::randn({7, 4}, at::kDouble) * 2;
  const at::Tensor classes = at::randint(4, {7, 1}), bits = at::rand({7, 4}, at::kDouble).round();
  const auto mean = [&](LossKind kind, const at::Tensor& truth, LossTerm term = {}) {
    term.kind = kind;
    return (weighted_loss(term, out, truth, at::full({7}, 2.0, at::kDouble)) / 14).item<double>();
  };
  LossTerm term;
  term.delta = 0.3;
  term.beta = 0.3;
  term.label_smoothing = 0.1;
  EXPECT_NEAR(mean(LossKind::mse, target), F::mse_loss(out, target).item<double>(), 1e-14);
  EXPECT_NEAR(mean(LossKind::l1, target), F::l1_loss(out, target).item<double>(), 1e-14);
  EXPECT_NEAR(mean(LossKind::huber, target, term),
              F::huber_loss(out, target, F::HuberLossFuncOptions().delta(0.3)).item<double>(), 1e-14);
  EXPECT_NEAR(mean(LossKind::smooth_l1, target, term),
              F::smooth_l1_loss(out, target, F::SmoothL1LossFuncOptions(), 0.3).item<double>(), 1e-14);
  EXPECT_NEAR(mean(LossKind::bce_with_logits, bits), F::binary_cross_entropy_with_logits(out, bits).item<double>(),
              1e-14);
  EXPECT_NEAR(
      mean(LossKind::cross_entropy, classes.to(at::kDouble), term),
      F::cross_entropy(out, classes.squeeze(1), F::CrossEntropyFuncOptions().label_smoothing(0.1)).item<double>(),
      1e-14);
  EXPECT_NEAR(mean(LossKind::nll, classes.to(at::kDouble)), F::nll_loss(out, classes.squeeze(1)).item<double>(), 1e-14);
}

TEST(RowLoss, MaskedRowsHaveNoPart) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  at::Tensor out = at::randn({4, 2}, at::kDouble), target = at::randn({4, 2}, at::kDouble);
  target[1].fill_(nan);
  target[3].fill_(infinity);
  const at::Tensor weights = at::tensor({2.0, 0.0, 3.0, 0.0}, at::kDouble);
  out.requires_grad_(true);

  const at::Tensor sum = weighted_loss({}, out, target, weights);
  sum.backward();

  const at::Tensor errors = (out - target).square().mean(1);
  EXPECT_NEAR(sum.item<double>(), (2.0 * errors[0] + 3.0 * errors[2]).item<double>(), 1e-14);
  EXPECT_TRUE(out.grad()[0].abs().gt(0).all().item<bool>());
  EXPECT_TRUE(out.grad()[2].abs().gt(0).all().item<bool>());
  EXPECT_TRUE(out.grad()[1].eq(0).all().item<bool>());
  EXPECT_TRUE(out.grad()[3].eq(0).all().item<bool>());
}

TEST(FlatParameters, StayTheNetworksOwn) {
  torch::nn::Sequential network = make_network(), other = make_network();
  FlatParameters flat(named(network));
  const at::Tensor in = at::randn({9, 5}, at::kDouble);
  EXPECT_EQ(flat.size(), 5 * 16 + 16 + 16 * 4 + 4);
  EXPECT_TRUE(at::equal(network->forward(in), other->forward(in)));

  network->forward(in).square().sum().backward();
  network->forward(in).sum().backward();
  (other->forward(in).square().sum() + other->forward(in).sum()).backward();

  std::vector<at::Tensor> expected;
  for (const at::Tensor& parameter : other->parameters()) expected.push_back(parameter.grad().reshape({-1}));
  EXPECT_TRUE(at::allclose(flat.gradient(), at::cat(expected), 1e-12, 1e-12));
  flat.gradient().zero_();
  network->forward(in).sum().backward();
  EXPECT_GT(flat.gradient().abs().max().item<double>(), 0.0) << "the gradients are attached after they were zeroed";
  at::NoGradGuard no_grad;
  flat.values().zero_();
  EXPECT_EQ(network->forward(in).abs().max().item<double>(), 0.0);
}

// Every optimizer on one buffer against the same over the single parameters.
TEST(Optimizer, OnOneBufferEqualsOneOverTheParameters) {
  std::vector<OptimizerSpec> specs;
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw,
                                   OptimizerKind::rmsprop, OptimizerKind::adagrad, OptimizerKind::lbfgs}) {
    OptimizerSpec spec;
    spec.kind = kind;
    spec.lr = 0.01;
    specs.push_back(spec);
    spec.weight_decay = kind == OptimizerKind::lbfgs ? 0.0 : 0.02;
    spec.momentum = 0.9;
    spec.nesterov = spec.amsgrad = spec.centered = spec.strong_wolfe = true;
    spec.lr_decay = spec.initial_accumulator = 0.1;
    specs.push_back(spec);
  }
  const at::Tensor in = at::randn({32, 5}, at::kDouble), truth = at::randn({32, 4}, at::kDouble);
  for (const OptimizerSpec& spec : specs) {
    torch::nn::Sequential network = make_network(), other = make_network();
    FlatParameters flat(named(network));
    const auto on_flat = make_optimizer(spec, {flat.values()});
    const auto over_all = make_optimizer(spec, other->parameters());
    for (int step = 0; step < 20; ++step) {
      on_flat->step([&] {
        flat.gradient().zero_();
        const at::Tensor loss = F::mse_loss(network->forward(in), truth);
        loss.backward();
        return loss;
      });
      over_all->step([&] {
        other->zero_grad();
        const at::Tensor loss = F::mse_loss(other->forward(in), truth);
        loss.backward();
        return loss;
      });
    }
    std::vector<at::Tensor> expected;
    for (const at::Tensor& parameter : other->parameters()) expected.push_back(parameter.detach().reshape({-1}));
    const double difference = (flat.values().detach() - at::cat(expected)).abs().max().item<double>();
    EXPECT_LT(difference, 1e-9) << static_cast<int>(spec.kind);
    torch::nn::Sequential fresh = make_network();
    EXPECT_GT((fresh->parameters()[0] - other->parameters()[0]).abs().max().item<double>(), 1e-4) << "it did not learn";
  }
}

TEST(Optimizer, TakesItsRateFromOutside) {
  OptimizerSpec spec;
  spec.kind = OptimizerKind::sgd;
  at::Tensor values = at::ones({3}, at::kDouble).requires_grad_(true);
  const auto optimizer = make_optimizer(spec, {values});
  values.mutable_grad() = at::ones({3}, at::kDouble);
  set_learning_rate(*optimizer, 0.25);
  optimizer->step();
  EXPECT_TRUE(at::equal(values.detach(), at::full({3}, 0.75, at::kDouble)));
}

TEST(ClipGradient, ByValueThenByNorm) {
  at::Tensor gradient = at::tensor({3.0, -4.0, 0.0}, at::kDouble);
  EXPECT_DOUBLE_EQ(clip_gradient(gradient, 0.0, 0.0), 5.0);
  EXPECT_TRUE(at::equal(gradient, at::tensor({3.0, -4.0, 0.0}, at::kDouble)));
  EXPECT_DOUBLE_EQ(clip_gradient(gradient, 1.0, 3.0), 5.0);
  EXPECT_TRUE(at::allclose(gradient, at::tensor({1.0, -1.0, 0.0}, at::kDouble) / std::sqrt(2.0), 1e-5));
  EXPECT_NEAR(clip_gradient(gradient, 10.0, 0.0), 1.0, 1e-5);
}

std::string error_of(const std::vector<std::string>& trainable, const std::vector<std::string>& frozen) {
  torch::nn::Sequential network = make_network();
  try {
    select_trainable("convection", named(network), trainable, frozen);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SelectTrainable, TakesPatternsAndFreezesTheRest) {
  torch::nn::Sequential network = make_network();
  const auto learn = select_trainable("convection", named(network), {"*"}, {"0.*"});
  ASSERT_EQ(learn.size(), 2u);
  EXPECT_EQ(learn[0].name, "2.weight");
  EXPECT_FALSE(network->parameters()[0].requires_grad());
  EXPECT_EQ(select_trainable("convection", named(network), {"*.bias"}, {}).size(), 2u);
}

TEST(SelectTrainable, NamesMistakes) {
  EXPECT_THAT(error_of({"*"}, {"encoder.*"}),
              HasSubstr("\"encoder.*\" under `frozen` is no parameter; its parameters are: "
                        "0.weight, 0.bias, 2.weight, 2.bias"));
  EXPECT_THAT(error_of({"0.*"}, {"*.bias"}), HasSubstr("\"0.bias\" is under `trainable` and under `frozen`"));
  EXPECT_THAT(error_of({"*"}, {"*"}), HasSubstr("no parameter is left"));
}

// Inputs t (2 levels) and q, outputs a (2 levels) and b, with targets of b before those of a, and weights. Tiles of 4.
class LearnerTest : public testing::Test {
 protected:
  static constexpr std::int64_t k_rows = 12;  // of one chunk

  LearnerTest() {
    spec_.name = "convection";
    spec_.source.kind = SourceKind::mlp;
    spec_.source.hidden = {8};
    spec_.source.activation = "tanh";
    spec_.inputs = {{{"t", "q"}}};
    spec_.outputs = {{{"a", "b"}}};
    spec_.chunk = k_rows;
    spec_.tile = 4;
    spec_.wire = Real::float64;
    spec_.compute = Compute::float64;
    spec_.normalize = {{"t", {0.5, 2.0, false}}, {"a", {-1.0, 3.0, false}}};
    spec_.training.targets = {{"a", "a_true"}, {"b", "b_true"}};
    spec_.training.weights = "area";
    spec_.training.loss = {term_of(LossKind::mse, "a", 0.4), term_of(LossKind::l1, "b", 0.6)};
    spec_.training.optimizer.weight_decay = 0.01;
    spec_.training.optimizer.lr = 0.05;
    spec_.training.schedule.warmup = 2;
    in_ = make_row_layout(spec_.inputs, {2, 1});
    out_ = make_row_layout(spec_.outputs, {2, 1});
    truth_ = make_row_layout({{{"b_true", "a_true", "area"}}}, {1, 2, 1});
    at::manual_seed(5);
  }

  struct Side {
    std::unique_ptr<TorchNetwork> network;
    std::unique_ptr<Learner> learner;
  };
  Side make_side() const {
    Side side;
    side.network = make_mlp_network(spec_, in_, out_, at::Device(at::kCPU), at::kDouble);
    side.learner = make_torch_learner(spec_, *side.network, in_, out_, truth_);
    return side;
  }
  static at::Tensor values(const Side& side) {
    std::vector<at::Tensor> all;
    for (const NamedParameter& parameter : side.network->parameters())
      all.push_back(parameter.tensor.detach().reshape({-1}));
    return at::cat(all);
  }
  static void add(const Side& side, const at::Tensor& in, const at::Tensor& truth, std::int64_t rows) {
    Lesson lesson;
    lesson.in = static_cast<const std::byte*>(in.data_ptr());
    lesson.truth = static_cast<const std::byte*>(truth.data_ptr());
    lesson.rows = rows;
    side.learner->add(lesson);
  }
  static at::Tensor make_in() { return at::randn({k_rows, 3}, at::kDouble); }
  static at::Tensor make_truth() {
    return at::cat({at::randn({k_rows, 3}, at::kDouble), at::rand({k_rows, 1}, at::kDouble) + 0.5}, 1);
  }

  NetworkSpec spec_;
  RowLayout in_, out_, truth_;
};

// Against the mean that one would write by hand, over the rows that count: rows 3 and 7 are masked and hold NaN, 10 and
// 11 pad.
TEST_F(LearnerTest, StepsAsLibTorchDoesOnTheRowsThatCount) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Side side = make_side();
  const std::unique_ptr<TorchNetwork> other = make_mlp_network(spec_, in_, out_, at::Device(at::kCPU), at::kDouble);
  std::vector<at::Tensor> parameters;
  for (const NamedParameter& parameter : other->parameters()) parameters.push_back(parameter.tensor);
  torch::optim::AdamW by_hand(parameters, torch::optim::AdamWOptions(0.05).weight_decay(0.01));
  const at::Tensor counts = at::tensor({0, 1, 2, 4, 5, 6, 8, 9});
  for (int step = 0; step < 5; ++step) {
    at::Tensor in = make_in(), truth = make_truth();
    for (const int row : {3, 7}) {
      in[row].fill_(nan);
      truth[row].fill_(nan);
      truth[row][3] = 0.0;
    }
    truth.narrow(0, 10, 2).fill_(nan);
    add(side, in, truth, 10);
    const double weight = truth.index_select(0, counts).select(1, 3).sum().item<double>();
    EXPECT_NEAR(side.learner->sums()[0], weight, 1e-12);
    const std::vector<double> sums = side.learner->sums();
    side.learner->step();

    const at::Tensor x = in.index_select(0, counts).clone(), z = truth.index_select(0, counts);
    x.narrow(1, 0, 2).sub_(0.5).div_(2.0);
    const at::Tensor y = at::empty({8, 3}, at::kDouble), w = z.select(1, 3);
    other->forward(x, y);
    const at::Tensor a = (((z.narrow(1, 1, 2) + 1.0) / 3.0 - y.narrow(1, 0, 2)).square().mean(1) * w).sum() / w.sum();
    const at::Tensor b = ((z.select(1, 0) - y.select(1, 2)).abs() * w).sum() / w.sum();
    EXPECT_NEAR(sums[1] / sums[0], a.item<double>(), 1e-12);
    EXPECT_NEAR(sums[2] / sums[0], b.item<double>(), 1e-12);
    by_hand.zero_grad();
    (0.4 * a + 0.6 * b).backward();
    set_learning_rate(by_hand, step < 2 ? 0.05 * (step + 1) / 3 : 0.05);
    by_hand.step();
  }
  std::vector<at::Tensor> expected;
  for (const at::Tensor& parameter : parameters) expected.push_back(parameter.detach().reshape({-1}));
  EXPECT_LT((values(side) - at::cat(expected)).abs().max().item<double>(), 1e-12);
  EXPECT_EQ(side.learner->last().step, 5);
}

// What two ranks add up is what one has that gets all chunks, however ragged.
TEST_F(LearnerTest, SumsOfTwoRanksMakeTheStepOfOne) {
  Side one = make_side(), first = make_side(), second = make_side();
  for (int step = 0; step < 4; ++step) {
    for (int chunk = 0; chunk < 3; ++chunk) {
      const at::Tensor in = make_in(), truth = make_truth();
      const std::int64_t rows = chunk == 2 ? 5 : k_rows;
      add(one, in, truth, rows);
      add(chunk == 1 ? first : second, in, truth, rows);
    }
    at::Tensor gradients[2];
    for (int r = 0; r < 2; ++r) {
      Learner& learner = r == 0 ? *first.learner : *second.learner;
      gradients[r] = at::from_blob(learner.gradient(), {learner.gradient_size()}, at::kDouble);
    }
    const at::Tensor gradient = gradients[0] + gradients[1];
    std::vector<double> sums = first.learner->sums();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += second.learner->sums()[i];
    for (int r = 0; r < 2; ++r) {
      gradients[r].copy_(gradient);
      (r == 0 ? *first.learner : *second.learner).sums() = sums;
    }
    const double norm = one.learner->step().gradient_norm;
    EXPECT_NEAR(first.learner->step().gradient_norm, norm, 1e-12);
    EXPECT_NEAR(second.learner->step().gradient_norm, norm, 1e-12);
  }
  EXPECT_TRUE(at::equal(values(first), values(second)));
  EXPECT_LT((values(first) - values(one)).abs().max().item<double>(), 1e-11);
}

TEST_F(LearnerTest, DoesNothingWithoutAnyPointThatCounts) {
  Side side = make_side();
  const at::Tensor before = values(side), truth = make_truth();
  truth.select(1, 3).zero_();
  add(side, make_in(), truth, k_rows);
  add(side, make_in(), make_truth(), 0);
  EXPECT_FALSE(side.learner->step().made);
  EXPECT_EQ(side.learner->last().step, 0);
  EXPECT_TRUE(at::equal(values(side), before));
}

}  // namespace
}  // namespace ekman
