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
#include "coupler/engine/validation_split.hpp"
#include "ekman/error.hpp"
#include "tests/torch_lessons.hpp"

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
    spec.nesterov = spec.amsgrad = spec.centered = true;
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
              HasSubstr("\"encoder.*\" under `frozen` is no parameter; name one that there is, or a pattern of some "
                        "(its parameters are: 0.weight, 0.bias, 2.weight, 2.bias)"));
  EXPECT_THAT(error_of({"0.*"}, {"*.bias"}), HasSubstr("\"0.bias\" is under `trainable` and under `frozen`"));
  EXPECT_THAT(error_of({"*"}, {"*"}), HasSubstr("no parameter is left"));
}

TEST(SelectTrainable, NamesAllMistakesAtOnce) {
  const std::string error = error_of({"2.weigth", "0.*"}, {"1.*", "*.bias"});

  EXPECT_THAT(error, HasSubstr("\"2.weigth\" under `trainable` is no parameter; did you mean \"2.weight\"?"));
  EXPECT_THAT(error, HasSubstr("\"1.*\" under `frozen` is no parameter; did you mean \"0.*\"?"));
  EXPECT_THAT(error, HasSubstr("\"0.bias\" is under `trainable` and under `frozen`"));
}

// Against the mean that one would write by hand, over the rows that count: rows 3 and 7 are masked and hold NaN, 10 and
// 11 pad.
TEST_F(LearnerTest, StepsAsLibTorchDoesOnTheRowsThatCount) {
  Side side = make_side();
  const std::unique_ptr<TorchNetwork> other = make_mlp_network(spec_, in_, out_, at::Device(at::kCPU), at::kDouble);
  std::vector<at::Tensor> parameters;
  for (const NamedParameter& parameter : other->parameters()) parameters.push_back(parameter.tensor);
  torch::optim::AdamW by_hand(parameters, torch::optim::AdamWOptions(0.05).weight_decay(0.01));
  const at::Tensor counts = at::tensor({0, 1, 2, 4, 5, 6, 8, 9});
  for (int step = 0; step < 5; ++step) {
    const Data data = make_data(10);
    at::Tensor in = data.in, truth = data.truth;
    for (const int row : {3, 7}) {
      in[row].fill_(k_nan);
      truth[row].fill_(k_nan);
      truth[row][3] = 0.0;
    }
    truth.narrow(0, 10, 2).fill_(k_nan);
    add(side, data);
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
    EXPECT_NEAR(sums[2] / sums[0], a.item<double>(), 1e-12);
    EXPECT_NEAR(sums[3] / sums[0], b.item<double>(), 1e-12);
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
      const Data data = make_data(chunk == 2 ? 5 : k_rows);
      add(one, data, chunk);
      add(chunk == 1 ? first : second, data, chunk);
    }
    reduce(first, second);
    const double norm = one.learner->step().gradient_norm;
    EXPECT_NEAR(first.learner->step().gradient_norm, norm, 1e-12);
    EXPECT_NEAR(second.learner->step().gradient_norm, norm, 1e-12);
  }
  EXPECT_TRUE(at::equal(values(first), values(second)));
  EXPECT_LT((values(first) - values(one)).abs().max().item<double>(), 1e-11);
}

TEST_F(LearnerTest, DoesNothingWithoutAnyPointThatCounts) {
  Side side = make_side();
  const at::Tensor before = values(side);
  const Data data = make_data();
  data.truth.select(1, 3).zero_();
  add(side, data);
  add(side, make_data(0));
  EXPECT_FALSE(side.learner->step().made);
  EXPECT_EQ(side.learner->last().step, 0);
  EXPECT_TRUE(at::equal(values(side), before));
}

TEST_F(LearnerTest, LeavesBadStepsOut) {
  spec_.training.max_bad_steps = 2;
  const Side side = make_side();
  add(side, make_data());
  side.learner->step();
  const at::Tensor before = values(side);
  const auto bad_step = [&] {
    const Data data = make_data();
    data.truth[4][0].fill_(k_nan);
    add(side, data);
    return side.learner->step();
  };
  for (int i = 0; i < 2; ++i) {
    const StepReport report = bad_step();
    EXPECT_FALSE(report.made);
    EXPECT_TRUE(std::isnan(report.loss));
    EXPECT_EQ(report.step, 1);
  }
  EXPECT_TRUE(at::equal(values(side), before));
  add(side, make_data());
  EXPECT_TRUE(side.learner->step().made) << "the sums are clean again";
  bad_step();
  bad_step();
  EXPECT_THAT(error_of([&] { bad_step(); }),
              HasSubstr("network \"convection\": 3 optimizer steps in a row had a loss or gradient that is no number"));
}

// Whatever stands in the rows held out, the network learns the same; their loss is taken in eval mode.
TEST_F(LearnerTest, LearnsNothingFromWhatIsHeldOut) {
  spec_.training.validation = {0.4, 2, 1};
  const ValidationSplit split(spec_.training.validation);
  const Side side = make_side(), other = make_side();
  const Data data = make_data(), changed{data.in.clone(), data.truth.clone()};
  std::vector<std::int64_t> held;
  for (std::int64_t id = 0; id < k_rows; ++id) {
    if (split.holds_out(id)) held.push_back(id);
  }
  ASSERT_GT(held.size(), 0u);
  for (const std::int64_t row : held) {
    changed.in[row].mul_(2.0);
    changed.truth[row].add_(1.0);
  }
  const at::Tensor rows = at::tensor(held), x = data.in.index_select(0, rows), z = data.truth.index_select(0, rows);
  x.narrow(1, 0, 2).sub_(0.5).div_(2.0);
  const at::Tensor y = at::empty({x.size(0), 3}, at::kDouble), w = z.select(1, 3);
  side.network->forward(x, y);
  const at::Tensor a = (((z.narrow(1, 1, 2) + 1.0) / 3.0 - y.narrow(1, 0, 2)).square().mean(1) * w).sum() / w.sum();
  const at::Tensor b = ((z.select(1, 0) - y.select(1, 2)).abs() * w).sum() / w.sum();

  add(side, data);
  add(other, changed);
  const StepReport report = side.learner->step();

  EXPECT_NEAR(report.validation_loss, (0.4 * a + 0.6 * b).item<double>(), 1e-12);
  EXPECT_NE(other.learner->step().validation_loss, report.validation_loss);
  EXPECT_TRUE(at::equal(values(side), values(other)));
  add(side, data, 0, 1, 1);
  EXPECT_TRUE(std::isnan(side.learner->step().validation_loss)) << "a replay validates nothing";
}

TEST_F(LearnerTest, StopsWhenPatienceIsOver) {
  spec_.training.validation = {0.4, 2, 1};
  spec_.training.patience = 2;
  spec_.training.optimizer.lr = 100.0;
  const Side side = make_side();
  const Data data = make_data();
  int steps = 0;
  while (!side.learner->last().stopped && steps < 100) {
    add(side, data);
    side.learner->step();
    ++steps;
  }
  ASSERT_TRUE(side.learner->last().stopped);
  const at::Tensor before = values(side);
  add(side, data);
  EXPECT_EQ(side.learner->sums()[0], 0.0);
  const StepReport report = side.learner->step();
  EXPECT_FALSE(report.made);
  EXPECT_TRUE(report.stopped);
  EXPECT_TRUE(at::equal(values(side), before));
}

TEST_F(LearnerTest, HoldsOutWholeExchangesOfGrids) {
  spec_.sample = Sample::grid;
  spec_.grid_ny = spec_.grid_nx = 2;
  spec_.chunk = 3;
  spec_.tile = 1;
  spec_.training.validation = {0.5, 2, 1};
  torch::jit::Module module("net");
  module.register_parameter("w", at::randn({3, 3, 1, 1}, at::kDouble), false);
  module.define("def forward(self, x):\n  return torch.conv2d(x, self.w)\n");
  use_script(module);
  const Side side = make_side();
  const ValidationSplit split(spec_.training.validation);
  int held = 0;
  for (std::int64_t exchange = 0; exchange < 20; ++exchange) {
    add(side, make_data(), 0, exchange);
    EXPECT_EQ(gradient(side).abs().max().item<double>() == 0.0, split.holds_out(exchange));
    EXPECT_EQ(side.learner->sums()[0] == 0.0, split.holds_out(exchange));
    held += split.holds_out(exchange) ? 1 : 0;
    const StepReport report = side.learner->step();
    EXPECT_EQ(report.made, !split.holds_out(exchange));
    EXPECT_EQ(std::isfinite(report.validation_loss), split.holds_out(exchange));
  }
  EXPECT_GT(held, 0);
  EXPECT_LT(held, 20);
}

TEST_F(LearnerTest, RefusesWeightsBelowZero) {
  const Side side = make_side();
  const Data data = make_data();
  data.truth[3][3].fill_(-1.0);
  EXPECT_THAT(error_of([&] { add(side, data); }), HasSubstr("the weights in \"area\" hold a value that is negative"));
}

}  // namespace
}  // namespace ekman
