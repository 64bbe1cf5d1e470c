// Learning in bfloat16: autocast around the forward, and all else in float32.
#include "coupler/engine/tape.hpp"
#include "tests/torch_courses.hpp"

namespace ekman {
namespace {

class Bfloat16Learning : public TorchEngineTest {
 protected:
  static NetworkSpec in_bfloat16(NetworkSpec spec) {
    spec.compute = Compute::bfloat16;
    return spec;
  }
  NetworkSource script(const torch::jit::Module& module) {
    NetworkSource source;
    source.kind = SourceKind::torchscript;
    source.path = (folder_ / (std::to_string(files_++) + ".pt")).string();
    module.save(source.path);
    return source;
  }
  // Two linear layers with a normalisation of each row between them.
  NetworkSource linear_script() {
    torch::jit::Module module("net");
    module.register_parameter("w1", at::randn({16, 3}) * 0.5, false);
    module.register_parameter("w2", at::randn({2, 16}) * 0.25, false);
    module.define(
        "def forward(self, x):\n"
        "  h = torch.layer_norm(torch.linear(x, self.w1), [16])\n"
        "  return torch.linear(torch.tanh(h), self.w2)\n");
    return script(module);
  }
  NetworkSource convolutional_script() {
    torch::jit::Module module("net");
    module.register_parameter("w1", at::randn({8, 3, 3, 3}) * 0.2, false);
    module.register_parameter("w2", at::randn({2, 8, 3, 3}) * 0.1, false);
    module.define(
        "def forward(self, x):\n"
        "  h = torch.relu(torch.conv2d(x, self.w1, None, [1, 1], [1, 1]))\n"
        "  return torch.conv2d(h, self.w2, None, [1, 1], [1, 1])\n");
    return script(module);
  }
  static void expect_near_float32(const NetworkSpec& spec, int layers) {
    Course exact(spec), rounded(in_bfloat16(spec));
    const at::Tensor first = rounded.state("parameters/");
    EXPECT_TRUE(at::equal(first, exact.state("parameters/")));

    const std::vector<double> expected = exact.losses(), found = rounded.losses();

    const double difference = distance(expected, found);
    RecordProperty(spec.source.name.empty() ? "script" : spec.source.name, std::to_string(difference));
    EXPECT_LT(difference, rounding_of(layers, k_bfloat16_bits));
    EXPECT_GT(difference, 1e-5) << "nothing was rounded";
    EXPECT_LT(found.back(), 0.8 * found.front());
    // Weights and what the optimizer remembers are those of float32, and have bits that bfloat16 has not.
    const at::Tensor weights = rounded.state("parameters/");
    EXPECT_FALSE(at::equal(weights.to(at::kBFloat16).to(at::kFloat), weights));
    rounded.state("optimizer/exp_avg");
  }

  int files_ = 0;
};

TEST_F(Bfloat16Learning, OfMlpsIsThatOfFloat32ToRounding) {
  for (const char* activation : {"relu", "tanh", "gelu"})
    expect_near_float32(learning_spec(mlp_source({16, 16}, activation)), 3);
}

TEST_F(Bfloat16Learning, OfAResmlpIsThatOfFloat32ToRounding) {
  expect_near_float32(learning_spec(resmlp_source(16, 2)), 6);
}

TEST_F(Bfloat16Learning, OfAUnetIsThatOfFloat32ToRounding) {
  expect_near_float32(grid_spec(unet_source(8, 2, "zeros", "periodic")), 8);
}

TEST_F(Bfloat16Learning, OfAnFnoIsThatOfFloat32ToRounding) {
  expect_near_float32(grid_spec(fno_source(8, {2, 3}, 2, "periodic", "periodic")), 5);
}

TEST_F(Bfloat16Learning, OfTorchScriptIsThatOfFloat32ToRounding) {
  expect_near_float32(learning_spec(linear_script()), 2);
  expect_near_float32(grid_spec(convolutional_script()), 2);
}

// A weight of 1 has neighbours 1/128 above and 1/256 below in bfloat16.
TEST_F(Bfloat16Learning, AddsUpStepsThatBfloat16CannotShow) {
  torch::jit::Module module("net");
  module.register_parameter("w", at::ones({2}), false);
  module.define("def forward(self, x):\n  return torch.ones_like(x[:, :2]) * self.w\n");
  NetworkSpec spec = in_bfloat16(learning_spec(script(module)));
  spec.training.loss.front().kind = LossKind::l1;
  spec.training.optimizer.kind = OptimizerKind::sgd;
  spec.training.optimizer.lr = 2e-4;
  Course course(spec);
  course.truth().fill_(8.0);

  course.losses();

  // The gradient of each of two levels is -1/2.
  EXPECT_LT((course.state("parameters/") - (1.0 + 20 * 1e-4)).abs().max().item<double>(), 1e-6);
}

TEST_F(Bfloat16Learning, HasItsLossesInFloat32) {
  torch::jit::Module loss("loss");
  loss.define(
      "def forward(self, outputs, targets, inputs):\n"
      "  assert outputs.dtype == 6 and targets.dtype == 6 and inputs.dtype == 6\n"  // float32 in LibTorch's numbers
      "  return (outputs - targets).square().mean(1)\n");
  NetworkSpec spec = in_bfloat16(learning_spec(mlp_source({8}))), own = spec;
  own.training.loss.front().kind = LossKind::torchscript;
  own.training.loss.front().source = script(loss).path;
  own.training.validation = {0.5, 4, 1};
  spec.training.validation = own.training.validation;
  Course with_own(own), with_mse(spec);
  for (int step = 0; step < 3; ++step) {
    const StepReport a = with_own.step(), b = with_mse.step();
    EXPECT_NEAR(a.loss, b.loss, 1e-6 * b.loss);
    EXPECT_NEAR(a.validation_loss, b.validation_loss, 1e-6 * b.validation_loss);
    EXPECT_NE(static_cast<float>(at::tensor(b.loss).to(at::kBFloat16).item<float>()), static_cast<float>(b.loss));
  }
}

TEST_F(Bfloat16Learning, LearnsFromTheForwardThatIsServed) {
  const NetworkSpec spec = in_bfloat16(learning_spec(mlp_source({16}, "tanh")));
  Course once(spec), twice(spec);
  for (int step = 0; step < 3; ++step) {
    once.serve_to_learn();
    expect_same_bits(once.serve(), twice.serve());
    EXPECT_EQ(once.step().loss, twice.step().loss);
    EXPECT_EQ(once.learner().fingerprint(), twice.learner().fingerprint());
  }
}

// Adjoints of inputs and gradients of parameters, by the norm of their differences.
TEST_F(Bfloat16Learning, FromAdjointsIsThatOfFloat32ToRounding) {
  NetworkSpec spec = learning_spec(mlp_source({16}, "tanh"));
  spec.tape = 1;
  spec.training.targets.clear();
  spec.training.loss.clear();
  const at::Tensor x = at::randn({64, 3}), given = at::randn({64, 2}), y = at::empty({64, 2});
  std::vector<at::Tensor> adjoints, gradients;
  for (const NetworkSpec& one : {spec, in_bfloat16(spec)}) {
    const auto engine = engine_for(one, {2, 1}, {2});
    const auto bytes = [](const at::Tensor& rows) { return static_cast<std::byte*>(rows.data_ptr()); };
    adjoints.push_back(at::empty({64, 3}));
    engine->tape()->forward(0, bytes(x), bytes(y), 64);
    engine->tape()->backward(0, bytes(given), bytes(adjoints.back()), 64, false);
    Learner& learner = *engine->learner();
    EXPECT_EQ(learner.gradient_kind(), Real::float32);
    gradients.push_back(at::from_blob(learner.gradient(), {learner.gradient_size()}, at::kFloat).clone());
    EXPECT_TRUE(learner.step().made);
  }
  for (const auto& pair : {adjoints, gradients}) {
    const double difference = (pair[1] - pair[0]).norm().item<double>() / pair[0].norm().item<double>();
    EXPECT_LT(difference, rounding_of(2, k_bfloat16_bits));
    EXPECT_GT(difference, 1e-5) << "nothing was rounded";
  }
}

TEST_F(Bfloat16Learning, GoesOnInTheSameBits) {
  const NetworkSpec spec = in_bfloat16(learning_spec(mlp_source({16}, "tanh")));
  Course straight(spec), before(spec), after(spec);
  straight.losses(6);
  before.losses(3);
  after.learner().restore(before.learner().state());
  after.losses(3);
  EXPECT_EQ(after.learner().fingerprint(), straight.learner().fingerprint());
}

// Sums of two ranks: float32 in another order.
TEST_F(Bfloat16Learning, IsThatOfOneRankOnTwo) {
  NetworkSpec spec = in_bfloat16(learning_spec(mlp_source({16}, "tanh")));
  spec.chunk = 16;
  Course one(spec), first(spec), second(spec);
  for (int step = 0; step < 5; ++step) {
    one.add();
    one.add(9);
    first.add();
    second.add(9);
    const auto gradient = [](Course& course) {
      return at::from_blob(course.learner().gradient(), {course.learner().gradient_size()}, at::kFloat);
    };
    const at::Tensor sum = gradient(first) + gradient(second);
    EXPECT_LT((sum - gradient(one)).norm().item<double>(), 1e-6 * sum.norm().item<double>());
    for (Course* course : {&first, &second}) gradient(*course).copy_(sum);
    std::vector<double>& sums = first.learner().sums();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += second.learner().sums()[i];
    second.learner().sums() = sums;
    for (Course* course : {&one, &first, &second}) course->learner().step();
  }
  EXPECT_EQ(first.learner().fingerprint(), second.learner().fingerprint());
}

}  // namespace
}  // namespace ekman
