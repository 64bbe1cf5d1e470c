// The tape of the torch engine: its forward against that of the engine, its adjoints against differences and against
// LibTorch called directly, and the learner that takes its gradients.
#include "adapters/torch/torch_tape.hpp"

#include <cmath>
#include <limits>

#include "ekman/error.hpp"
#include "torch_networks.hpp"

namespace ekman {
namespace {

// A network and its fields.
struct Kit {
  NetworkSpec spec;
  Levels in, out;
  std::int64_t in_len() const { return make_row_layout(spec.inputs, in).row_len(); }
  std::int64_t out_len() const { return make_row_layout(spec.outputs, out).row_len(); }
};

class TorchTapeTest : public TorchEngineTest {
 protected:
  static void use_float64(NetworkSpec& spec) {
    spec.wire = Real::float64;
    spec.compute = Compute::float64;
    spec.tape = 3;
    spec.normalize = {{"t", {{0.5}, {2.0}}}, {"a", {{-1.0}, {3.0}}}};
  }

  // A file of its own: a test may have several networks.
  std::string save_own(const std::string& source, const at::Tensor& weight) {
    torch::jit::Module module("net");
    module.register_attribute("training", c10::BoolType::get(), true);
    module.register_parameter("weight", weight, false);
    module.define(source);
    const std::string path = (folder_ / ("net" + std::to_string(files_++) + ".pt")).string();
    module.save(path);
    return path;
  }

  Kit mlp() {
    Kit kit{{}, {2, 1}, {2, 1}};
    kit.spec.name = "convection";
    kit.spec.source = mlp_source({16}, "tanh");
    kit.spec.inputs = {{{"t", "q"}}};
    kit.spec.outputs = {{{"a", "b"}}};
    kit.spec.chunk = 12;
    kit.spec.tile = 4;
    use_float64(kit.spec);
    return kit;
  }

  // Two arguments, two outputs.
  Kit script() {
    const std::string path = save_own(
        "def forward(self, t, p):\n"
        "  return torch.tanh(torch.matmul(t, self.weight)) * p + p * p, t * torch.exp(-p)\n",
        at::randn({3, 2}, at::kDouble));
    Kit kit{script_spec(path, {{{"t"}}, {{"p"}}}, {{{"a"}}, {{"b"}}}), {3, 1}, {2, 3}};
    kit.spec.chunk = 12;
    kit.spec.tile = 4;
    use_float64(kit.spec);
    return kit;
  }

  // Operations that TorchScript differentiates in its own way, as groups.
  Kit layers() {
    const std::string path = save_own(
        "def forward(self, x):\n"
        "  y = torch.layer_norm(torch.linear(x, self.weight), [3])\n"
        "  z = torch.batch_norm(y, None, None, self.weight[0], self.weight[1] ** 2 + 1.0, False, 0.1, 1e-5, True)\n"
        "  return torch.softmax(z, 1) * torch.sigmoid(y) + torch.relu(x) + torch.dropout(z, 0.5, self.training)\n",
        at::randn({3, 3}, at::kDouble));
    Kit kit{script_spec(path, {{{"t"}}}, {{{"a"}}}), {3}, {3}};
    kit.spec.chunk = 12;
    kit.spec.tile = 4;
    use_float64(kit.spec);
    return kit;
  }

  // It writes to its argument.
  Kit in_place() {
    const std::string path = save_own("def forward(self, x):\n  x.add_(1.0)\n  return torch.sin(x) * self.weight\n",
                                      at::randn({3}, at::kDouble));
    Kit kit{script_spec(path, {{{"q"}}}, {{{"b"}}}), {3}, {3}};
    kit.spec.chunk = 12;
    kit.spec.tile = 4;
    use_float64(kit.spec);
    return kit;
  }

  // A sample is a grid of 2 x 2 rows.
  Kit grid() {
    const std::string path =
        save_own("def forward(self, x):\n  return torch.tanh(torch.conv2d(x, self.weight, None, [1, 1], [1, 1]))\n",
                 at::randn({2, 3, 3, 3}, at::kDouble));
    Kit kit{script_spec(path, {{{"t", "q"}}}, {{{"a"}}}), {2, 1}, {2}};
    kit.spec.sample = Sample::grid;
    kit.spec.grid_ny = kit.spec.grid_nx = 2;
    kit.spec.chunk = 3;
    kit.spec.tile = 1;
    use_float64(kit.spec);
    return kit;
  }

  static void let_learn(Kit& kit) {
    kit.spec.training.given = true;
    kit.spec.training.optimizer.kind = OptimizerKind::sgd;
    kit.spec.training.optimizer.lr = 0.1;
  }

  static at::Tensor forward(Engine& engine, const at::Tensor& in, std::int64_t out_len, std::int64_t rows,
                            std::int64_t slot = 0) {
    const at::Tensor out = at::full({in.size(0), out_len}, -1.0, in.scalar_type());
    engine.tape()->forward(slot, static_cast<const std::byte*>(in.data_ptr()), static_cast<std::byte*>(out.data_ptr()),
                           rows);
    return out;
  }
  static at::Tensor backward(Engine& engine, const at::Tensor& adjoint, std::int64_t in_len, std::int64_t rows,
                             bool retain = false, std::int64_t slot = 0) {
    const at::Tensor in = at::full({adjoint.size(0), in_len}, -1.0, adjoint.scalar_type());
    engine.tape()->backward(slot, static_cast<const std::byte*>(adjoint.data_ptr()),
                            static_cast<std::byte*>(in.data_ptr()), rows, retain);
    return in;
  }
  static at::Tensor gradient(Engine& engine) {
    Learner& learner = *engine.learner();
    return at::from_blob(learner.gradient(), {learner.gradient_size()}, at::kDouble).clone();
  }
  // Rows after `rows` are pads, as a chunk has them.
  static at::Tensor rows_of(std::int64_t length, std::int64_t rows = 12) {
    const at::Tensor values = at::randn({12, length}, at::kDouble);
    values.narrow(0, rows, 12 - rows).zero_();
    return values;
  }
  static double dot(const at::Tensor& a, const at::Tensor& b) { return (a * b).sum().item<double>(); }

  int files_ = 0;
};

TEST_F(TorchTapeTest, ForwardHasTheBitsOfTheEngine) {
  for (const Kit& kit : {mlp(), script(), layers(), in_place(), grid()}) {
    for (const Compute compute : {Compute::float64, Compute::float32, Compute::bfloat16}) {
      for (const Real wire : {Real::float32, Real::float64}) {
        Kit other = kit;
        other.spec.compute = compute;
        other.spec.wire = wire;
        NetworkSpec plain = other.spec;
        plain.tape = 0;
        plain.optimize = Optimize::none;  // as all run that autograd sees
        const auto engine = engine_for(other.spec, kit.in, kit.out), served = engine_for(plain, kit.in, kit.out);
        const at::Tensor in = rows_of(kit.in_len(), 8).to(wire == Real::float32 ? at::kFloat : at::kDouble);
        const at::Tensor given = in.clone();

        const at::Tensor out = forward(*engine, in, kit.out_len(), 8);

        expect_same_bits(out, run(*served, in, kit.out_len(), 8));
        expect_same_bits(in, given);
        EXPECT_EQ(served->tape(), nullptr);
      }
    }
  }
}

TEST_F(TorchTapeTest, BackwardIsTheTransposeOfALinearNetwork) {
  const std::string path =
      save_own("def forward(self, x):\n  return torch.matmul(x, self.weight)\n", at::randn({3, 3}, at::kDouble));
  Kit kit{script_spec(path, {{{"t", "q"}}}, {{{"a", "b"}}}), {2, 1}, {1, 2}};
  kit.spec.chunk = 12;
  kit.spec.tile = 4;
  use_float64(kit.spec);
  const auto engine = engine_for(kit.spec, kit.in, kit.out);
  const at::Tensor x = rows_of(3), dx = rows_of(3), w = rows_of(3);

  const at::Tensor jacobian_dx = forward(*engine, x + dx, 3, 12) - forward(*engine, x, 3, 12);
  const at::Tensor adjoint = backward(*engine, w, 3, 12);

  EXPECT_NEAR(dot(jacobian_dx, w), dot(dx, adjoint),
              1e-13 * jacobian_dx.norm().item<double>() * w.norm().item<double>());
}

TEST_F(TorchTapeTest, BackwardIsTheTransposeOfWhatDifferencesSay) {
  constexpr double h = 1e-4;
  for (const Kit& kit : {mlp(), script(), layers(), in_place(), grid()}) {
    for (const std::int64_t rows : {12, 8}) {
      const auto engine = engine_for(kit.spec, kit.in, kit.out);
      const at::Tensor x = rows_of(kit.in_len(), rows), dx = rows_of(kit.in_len(), rows);
      const at::Tensor w = at::randn({12, kit.out_len()}, at::kDouble);
      const auto points = [&](const at::Tensor& all) { return all.narrow(0, 0, rows); };
      const auto across = [&](double step) {
        return points(forward(*engine, x + step * dx, kit.out_len(), rows)).clone() -
               points(forward(*engine, x - step * dx, kit.out_len(), rows));
      };
      // Of fourth order: a layer_norm of nearly equal values bends much.
      const at::Tensor differences = (8.0 * across(h) - across(2.0 * h)) / (12.0 * h);
      forward(*engine, x, kit.out_len(), rows);

      const at::Tensor adjoint = backward(*engine, w, kit.in_len(), rows);

      const double expected = dot(differences, points(w));
      EXPECT_NEAR(dot(points(dx), points(adjoint)), expected, 1e-8 * (1 + std::abs(expected)));
    }
  }
}

// One row alone in its tile: what stands in the adjoints of pads has no part.
TEST_F(TorchTapeTest, PadsHaveNoPart) {
  Kit kit = mlp();
  let_learn(kit);
  const auto engine = engine_for(kit.spec, kit.in, kit.out), other = engine_for(kit.spec, kit.in, kit.out);
  const at::Tensor x = rows_of(3, 5), w = rows_of(3, 5), dirty = w.clone();
  dirty.narrow(0, 5, 7).fill_(std::numeric_limits<double>::quiet_NaN());
  forward(*engine, x, 3, 5);
  forward(*other, x, 3, 5);

  const at::Tensor clean = backward(*engine, w, 3, 5), adjoint = backward(*other, dirty, 3, 5);

  expect_same_bits(clean.narrow(0, 0, 5), adjoint.narrow(0, 0, 5));
  expect_same_bits(gradient(*engine), gradient(*other));
  EXPECT_TRUE(at::all(adjoint.narrow(0, 8, 4) == -1.0).item<bool>()) << "a tile without points";
}

TEST_F(TorchTapeTest, RetainLetsAdjointsAddUp) {
  Kit kit = mlp();
  let_learn(kit);
  const auto engine = engine_for(kit.spec, kit.in, kit.out), other = engine_for(kit.spec, kit.in, kit.out);
  const at::Tensor x = rows_of(3), first = rows_of(3), second = rows_of(3);
  forward(*engine, x, 3, 12);
  forward(*other, x, 3, 12);

  const at::Tensor of_first = backward(*engine, first, 3, 12, true);
  const at::Tensor of_second = backward(*engine, second, 3, 12);
  const at::Tensor of_both = backward(*other, first + second, 3, 12);

  EXPECT_LT((of_first + of_second - of_both).abs().max().item<double>(), 1e-13);
  EXPECT_LT((gradient(*engine) - gradient(*other)).abs().max().item<double>(), 1e-12);
  EXPECT_GT(gradient(*engine).norm().item<double>(), 0.1);
  EXPECT_THROW(backward(*engine, first, 3, 12), Error) << "the exchange has left the tape";
}

// Two chunk buffers, each overwritten by the next exchange.
TEST_F(TorchTapeTest, LastInIsFirstOut) {
  for (const Kit& kit : {mlp(), script(), grid()}) {
    const auto engine = engine_for(kit.spec, kit.in, kit.out), other = engine_for(kit.spec, kit.in, kit.out);
    const at::Tensor buffer = at::empty({12, kit.in_len()}, at::kDouble);
    std::vector<at::Tensor> x, w;
    for (int exchange = 0; exchange < 3; ++exchange) {
      for (const std::int64_t slot : {0, 1}) {
        x.push_back(rows_of(kit.in_len()));
        w.push_back(rows_of(kit.out_len()));
        buffer.copy_(x.back());
        forward(*engine, buffer, kit.out_len(), 12, slot);
      }
    }
    buffer.fill_(7.0);
    for (int exchange = 2; exchange >= 0; --exchange) {
      for (const std::int64_t slot : {0, 1}) {
        const std::size_t i = static_cast<std::size_t>(2 * exchange + slot);

        const at::Tensor adjoint = backward(*engine, w[i], kit.in_len(), 12, false, slot);

        forward(*other, x[i], kit.out_len(), 12);
        expect_same_bits(adjoint, backward(*other, w[i], kit.in_len(), 12));
      }
    }
  }
}

TEST_F(TorchTapeTest, ClearDropsAllGraphs) {
  const Kit kit = mlp();
  const auto engine = engine_for(kit.spec, kit.in, kit.out);
  forward(*engine, rows_of(3), 3, 12, 0);
  forward(*engine, rows_of(3), 3, 12, 1);

  engine->tape()->clear();

  EXPECT_THROW(backward(*engine, rows_of(3), 3, 12, false, 0), Error);
  EXPECT_THROW(backward(*engine, rows_of(3), 3, 12, false, 1), Error);
}

// The same network by hand, as one batch.
TEST_F(TorchTapeTest, GradientsOfParametersAreThoseOfAutograd) {
  Kit kit = mlp();
  let_learn(kit);
  kit.spec.training.frozen = {"0.bias"};
  const auto engine = engine_for(kit.spec, kit.in, kit.out);
  const auto by_hand = make_mlp_network(kit.spec, make_row_layout(kit.spec.inputs, kit.in),
                                        make_row_layout(kit.spec.outputs, kit.out), at::Device(at::kCPU), at::kDouble);
  at::Tensor loss = at::zeros({}, at::kDouble);
  std::vector<at::Tensor> x, w, in_adjoints;
  for (int exchange = 0; exchange < 2; ++exchange) {
    x.push_back(rows_of(3, 10));
    w.push_back(rows_of(3, 10));
    forward(*engine, x.back(), 3, 10);
    const at::Tensor leaf = x.back().narrow(0, 0, 10).clone().requires_grad_(true);
    in_adjoints.push_back(leaf);
    const at::Tensor y = at::empty({10, 3}, at::kDouble);
    by_hand->forward(at::cat({(leaf.narrow(1, 0, 2) - 0.5) / 2.0, leaf.narrow(1, 2, 1)}, 1), y);
    loss = loss + (at::cat({y.narrow(1, 0, 2) * 3.0 - 1.0, y.narrow(1, 2, 1)}, 1) * w.back().narrow(0, 0, 10)).sum();
  }
  loss.backward();

  for (int exchange = 1; exchange >= 0; --exchange) {
    const at::Tensor adjoint = backward(*engine, w[exchange], 3, 10).narrow(0, 0, 10);
    EXPECT_LT((adjoint - in_adjoints[exchange].grad()).abs().max().item<double>(), 1e-13);
  }

  std::vector<at::Tensor> expected;
  for (const NamedParameter& parameter : by_hand->parameters())
    if (parameter.name != "0.bias") expected.push_back(parameter.tensor.grad().reshape({-1}));
  const at::Tensor found = gradient(*engine), all = at::cat(expected);
  EXPECT_LT((found - all).norm().item<double>(), 1e-13 * all.norm().item<double>());

  const at::Tensor before = forward(*engine, x[0], 3, 12);
  engine->tape()->clear();
  const StepReport report = engine->learner()->step();
  EXPECT_TRUE(report.made);
  EXPECT_EQ(report.step, 1);
  EXPECT_TRUE(std::isnan(report.loss));
  EXPECT_NEAR(report.gradient_norm, all.norm().item<double>(), 1e-12);
  EXPECT_EQ(gradient(*engine).abs().max().item<double>(), 0.0);
  {
    const at::NoGradGuard no_grad;
    for (const NamedParameter& parameter : by_hand->parameters())
      if (parameter.name != "0.bias") parameter.tensor.sub_(parameter.tensor.grad() * 0.1);
  }
  const at::Tensor z = at::empty({10, 3}, at::kDouble), points = x[0].narrow(0, 0, 10);
  by_hand->forward(at::cat({(points.narrow(1, 0, 2) - 0.5) / 2.0, points.narrow(1, 2, 1)}, 1), z);
  const at::Tensor after = forward(*engine, x[0], 3, 12).narrow(0, 0, 10);
  EXPECT_LT((after - at::cat({z.narrow(1, 0, 2) * 3.0 - 1.0, z.narrow(1, 2, 1)}, 1)).abs().max().item<double>(), 1e-12);
  EXPECT_GT((after - before.narrow(0, 0, 10)).abs().max().item<double>(), 1e-3);
}

TEST_F(TorchTapeTest, LeavesStepsWithAGradientThatIsNoNumberOut) {
  Kit kit = mlp();
  let_learn(kit);
  kit.spec.training.max_bad_steps = 1;
  const auto engine = engine_for(kit.spec, kit.in, kit.out);
  const at::Tensor x = rows_of(3);
  const at::Tensor before = forward(*engine, x, 3, 12);
  backward(*engine, at::full({12, 3}, std::numeric_limits<double>::infinity(), at::kDouble), 3, 12);

  EXPECT_FALSE(engine->learner()->step().made);

  expect_same_bits(forward(*engine, x, 3, 12), before);
  backward(*engine, rows_of(3), 3, 12);
  EXPECT_TRUE(engine->learner()->step().made);
}

// No dropout: what the component differentiates is what it was given.
TEST_F(TorchTapeTest, RunsInEvalMode) {
  const std::string path =
      save_own("def forward(self, x):\n  return torch.dropout(torch.matmul(x, self.weight), 0.5, self.training)\n",
               at::randn({3, 3}, at::kDouble));
  Kit kit{script_spec(path, {{{"q"}}}, {{{"b"}}}), {3}, {3}};
  kit.spec.chunk = 12;
  kit.spec.tile = 1;
  use_float64(kit.spec);
  let_learn(kit);
  const auto engine = engine_for(kit.spec, kit.in, kit.out);
  const at::Tensor x = rows_of(3);

  const at::Tensor out = forward(*engine, x, 3, 12);

  expect_same_bits(out, forward(*engine, x, 3, 12));
  EXPECT_TRUE(out.ne(0).all().item<bool>());
}

}  // namespace
}  // namespace ekman
