// Networks whose forward is another in training: batch-norm, dropout. Nothing of that may depend on who has which
// chunk.
#include <gmock/gmock.h>

#include "coupler/engine/validation_split.hpp"
#include "ekman/error.hpp"
#include "tests/torch_lessons.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

class TrainingModeTest : public LearnerTest {
 protected:
  static torch::jit::Module make_module(const std::string& forward) {
    torch::jit::Module module("net");
    module.register_attribute("training", c10::BoolType::get(), true);
    module.register_parameter("w1", at::randn({3, 8}, at::kDouble), false);
    module.register_parameter("w2", at::randn({8, 3}, at::kDouble), false);
    module.register_buffer("mean", at::zeros({8}, at::kDouble));
    module.register_buffer("var", at::ones({8}, at::kDouble));
    module.register_buffer("table", at::full({8}, 1.0 / 3.0, at::kDouble));
    module.register_buffer("count", at::zeros({}, at::kLong));
    module.define(forward);
    return module;
  }
  void use_batch_norm() {
    use_script(make_module(R"(
def forward(self, x):
  if self.training:
    self.count.add_(1)
  h = torch.batch_norm(torch.mm(x, self.w1) + self.table, None, None, self.mean, self.var, self.training, 0.1, 1e-5, False)
  return torch.mm(torch.tanh(h), self.w2)
)"));
  }
  void use_dropout() {
    use_script(make_module(R"(
def forward(self, x):
  return torch.mm(torch.dropout(torch.tanh(torch.mm(x, self.w1)), 0.5, self.training), self.w2)
)"));
  }
  static at::Tensor buffer(const Side& side, const std::string& name) {
    for (const NamedParameter& buffer : side.network->buffers()) {
      if (buffer.name == name) return buffer.tensor.detach().clone();
    }
    return {};
  }
  static at::Tensor serve(const Side& side, const at::Tensor& x) {
    const at::NoGradGuard no_grad;
    const at::Tensor y = at::empty({x.size(0), 3}, at::kDouble);
    side.network->forward(x, y);
    return y;
  }

  // By hand: what plain LibTorch makes of the rows of one tile. Returns the weighted sum of losses.
  struct ByHand {
    at::Tensor w1, w2, mean, var;
  };
  at::Tensor loss_by_hand(const ByHand& net, const Data& data, const at::Tensor& rows) const {
    const at::Tensor x = data.in.index_select(0, rows).clone(), z = data.truth.index_select(0, rows);
    x.narrow(1, 0, 2).sub_(0.5).div_(2.0);
    const at::Tensor h =
        at::batch_norm(x.mm(net.w1) + 1.0 / 3.0, {}, {}, net.mean, net.var, /*training=*/true, 0.1, 1e-5, false);
    const at::Tensor y = at::tanh(h).mm(net.w2), w = z.select(1, 3);
    const at::Tensor a = (((z.narrow(1, 1, 2) + 1.0) / 3.0 - y.narrow(1, 0, 2)).square().mean(1) * w).sum();
    return 0.4 * a + 0.6 * ((z.select(1, 0) - y.select(1, 2)).abs() * w).sum();
  }
};

// Rows 1 and 6 are masked and hold NaN, 10 and 11 pad; 8 and 9 are held out. Tiles of 4: rows 0 2 3, 4 5 7, none.
TEST_F(TrainingModeTest, BatchNormSeesTheRowsThatAreLearnedFromOnly) {
  use_batch_norm();
  spec_.training.validation = {0.5, 4, 1};
  std::int64_t chunk = 0;  // whose first two blocks learn and whose third is held out
  const ValidationSplit split(spec_.training.validation);
  const auto block_held = [&](std::int64_t block) { return split.holds_out(4 * block); };
  while (block_held(3 * chunk) || block_held(3 * chunk + 1) || !block_held(3 * chunk + 2)) ++chunk;
  const Side side = make_side();
  const auto parameters = side.network->parameters();
  ByHand net;
  net.w1 = parameters[0].tensor.detach().clone().requires_grad_(true);
  net.w2 = parameters[1].tensor.detach().clone().requires_grad_(true);
  const Data data = make_data(10);
  for (const int row : {1, 6, 10, 11}) {
    data.in[row].fill_(k_nan);
    data.truth[row].fill_(k_nan);
    if (row < 10) data.truth[row][3].zero_();
  }

  add(side, data, chunk);

  at::Tensor mean = at::zeros({8}, at::kDouble), var = at::zeros({8}, at::kDouble);
  for (const at::Tensor& rows : {at::tensor({0, 2, 3}), at::tensor({4, 5, 7})}) {
    net.mean = at::zeros({8}, at::kDouble);
    net.var = at::ones({8}, at::kDouble);
    loss_by_hand(net, data, rows).backward();
    mean += 0.5 * net.mean;
    var += 0.5 * net.var;
  }
  const at::Tensor expected = at::cat({net.w1.grad().reshape({-1}), net.w2.grad().reshape({-1})});
  EXPECT_LT((gradient(side) - expected).abs().max().item<double>(), 1e-12);
  EXPECT_TRUE(at::equal(buffer(side, "mean"), at::zeros({8}, at::kDouble))) << "before the step";
  const StepReport report = side.learner->step();
  EXPECT_TRUE(report.made);
  EXPECT_TRUE(std::isfinite(report.validation_loss));
  EXPECT_LT((buffer(side, "mean") - mean).abs().max().item<double>(), 1e-14);
  EXPECT_LT((buffer(side, "var") - var).abs().max().item<double>(), 1e-14);
  EXPECT_EQ(buffer(side, "count").item<std::int64_t>(), 1);
  EXPECT_TRUE(at::equal(buffer(side, "table"), at::full({8}, 1.0 / 3.0, at::kDouble)));
}

TEST_F(TrainingModeTest, BuffersAreTheSameOnAllRanksAndRestBetweenSteps) {
  use_batch_norm();
  const Side one = make_side(), first = make_side(), second = make_side();
  const at::Tensor x = at::randn({4, 3}, at::kDouble);
  for (int step = 0; step < 3; ++step) {
    const at::Tensor served = serve(first, x);
    for (int chunk = 0; chunk < 3; ++chunk) {
      const Data data = make_data(chunk == 2 ? 6 : k_rows);
      add(one, data, chunk, step);
      add(chunk == 1 ? first : second, data, chunk, step);
      expect_same_bits(serve(first, x), served);
    }
    reduce(first, second);
    for (const Side* side : {&one, &first, &second}) side->learner->step();
    EXPECT_FALSE(at::equal(serve(first, x), served));
  }
  EXPECT_EQ(first.learner->fingerprint(), second.learner->fingerprint());
  EXPECT_LT((buffer(one, "var") - buffer(first, "var")).abs().max().item<double>(), 1e-11);
  EXPECT_EQ(buffer(one, "count").item<std::int64_t>(), 3);
}

// Batch-norm has no variance of one row.
TEST_F(TrainingModeTest, SkipsAndCountsAPointThatIsAloneInItsTile) {
  use_batch_norm();
  const Side side = make_side();
  add(side, make_data(9));
  const StepReport report = side.learner->step();
  EXPECT_TRUE(report.made);
  EXPECT_EQ(report.skipped, 1.0);
  spec_.tile = 1;
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("cannot learn from one sample at a time"));
}

TEST_F(TrainingModeTest, DropoutDependsOnTheChunkAlone) {
  use_dropout();
  const Data data = make_data();
  const auto gradient_of = [&](std::int64_t chunk, std::int64_t exchange, std::int64_t draw) {
    const Side side = make_side();
    add(side, data, chunk, exchange, draw);
    return gradient(side).clone();
  };
  const at::Tensor alone = gradient_of(3, 7, 0);
  const Side busy = make_side();
  for (const std::int64_t chunk : {0, 5, 1}) add(busy, make_data(), chunk, 7);
  gradient(busy).zero_();
  add(busy, data, 3, 7);
  EXPECT_TRUE(at::equal(gradient(busy), alone));
  EXPECT_FALSE(at::equal(gradient_of(4, 7, 0), alone));
  EXPECT_FALSE(at::equal(gradient_of(3, 8, 0), alone));
  EXPECT_FALSE(at::equal(gradient_of(3, 7, 1), alone));
  spec_.training.seed = 1;
  EXPECT_FALSE(at::equal(gradient_of(3, 7, 0), alone));
}

TEST_F(TrainingModeTest, DropoutDrawsBesideTheGenerator) {
  use_dropout();
  const Side side = make_side();
  const Data data = make_data();
  at::manual_seed(11);
  const at::Tensor quiet = at::rand({5});
  at::manual_seed(11);
  add(side, data);
  EXPECT_TRUE(at::equal(at::rand({5}), quiet));
  const at::Tensor x = at::randn({4, 3}, at::kDouble);
  expect_same_bits(serve(side, x), serve(side, x));
}

TEST_F(TrainingModeTest, RefusesWhatWasFrozenWhenItWasSaved) {
  torch::jit::Module module = make_module("def forward(self, x):\n  return torch.mm(torch.mm(x, self.w1), self.w2)\n");
  module.eval();
  use_script(torch::jit::freeze(module));
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("was it frozen when it was saved?"));
}

TEST_F(TrainingModeTest, RefusesParametersThatOutputsDoNotDependOn) {
  use_script(make_module("def forward(self, x):\n  return torch.mm(torch.mm(x, self.w1).detach(), self.w2)\n"));
  EXPECT_EQ(error_of([&] { make_side(); }), "");
  spec_.training.trainable = {"w1"};
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("no parameter that is to learn has a part in its outputs"));
}

TEST_F(TrainingModeTest, FrozenParametersKeepTheirBits) {
  use_batch_norm();
  spec_.training.frozen = {"w1"};
  const Side side = make_side();
  const at::Tensor w1 = side.network->parameters()[0].tensor.clone(), w2 = side.network->parameters()[1].tensor.clone();
  for (int step = 0; step < 3; ++step) {
    add(side, make_data(), 0, step);
    side.learner->step();
  }
  EXPECT_TRUE(at::equal(side.network->parameters()[0].tensor, w1));
  EXPECT_FALSE(at::equal(side.network->parameters()[1].tensor, w2));
}

// forward(uv: [n, 2, 2], s: [n, 1]) -> a: [n, 2], b: [n, 1]
TEST_F(TrainingModeTest, LearnsThroughSeveralStackedArgumentsAndOutputs) {
  torch::jit::Module module("net");
  module.register_parameter("w", at::randn({2, 2}, at::kDouble), false);
  module.register_parameter("v", at::randn({1, 1}, at::kDouble), false);
  module.define("def forward(self, uv, s):\n  return (uv[:, 0] * uv[:, 1]).mm(self.w), s.mm(self.v)\n");
  use_script(module);
  spec_.normalize.clear();
  spec_.inputs = {{{"u", "v"}, Combine::stack}, {{"s"}}};
  spec_.outputs = {{{"a"}}, {{"b"}}};
  in_ = make_row_layout(spec_.inputs, {2, 2, 1});
  const Side side = make_side();
  Data data = make_data();
  data.in = at::randn({k_rows, 5}, at::kDouble);

  add(side, data);

  const at::Tensor w = module.attr("w").toTensor().detach().clone().requires_grad_(true);
  const at::Tensor v = module.attr("v").toTensor().detach().clone().requires_grad_(true);
  const at::Tensor in = data.in, z = data.truth, weights = z.select(1, 3);
  const at::Tensor a = (in.narrow(1, 0, 2) * in.narrow(1, 2, 2)).mm(w), b = in.narrow(1, 4, 1).mm(v).squeeze(1);
  const at::Tensor row = 0.4 * (a - z.narrow(1, 1, 2)).square().mean(1) + 0.6 * (b - z.select(1, 0)).abs();
  (row * weights).sum().backward();
  const at::Tensor expected = at::cat({w.grad().reshape({-1}), v.grad().reshape({-1})});
  EXPECT_LT((gradient(side) - expected).abs().max().item<double>(), 1e-12);
}

// Under autocast LibTorch keeps rounded weights, which must not outlive a step.
TEST_F(TrainingModeTest, LearnsAndServesInBfloat16) {
  spec_.compute = Compute::bfloat16;
  spec_.wire = Real::float32;
  const auto engine = make_torch_engine(spec_, in_, out_, truth_, "cpu", 1);
  const Data data = make_data();
  const at::Tensor in = data.in.to(at::kFloat), truth = data.truth.to(at::kFloat);
  const at::Tensor before = run(*engine, in, 3);
  for (int step = 0; step < 50; ++step) {
    Lesson lesson;
    lesson.in = static_cast<const std::byte*>(in.data_ptr());
    lesson.truth = static_cast<const std::byte*>(truth.data_ptr());
    lesson.rows = k_rows;
    lesson.exchange = step;
    engine->learner()->add(lesson);
    EXPECT_TRUE(engine->learner()->step().made);
  }
  const auto distance = [&](const at::Tensor& out) {
    return (out.narrow(1, 0, 2) - truth.narrow(1, 1, 2)).square().mean().item<float>();
  };
  EXPECT_LT(distance(run(*engine, in, 3)), 0.7 * distance(before));
}

}  // namespace
}  // namespace ekman
