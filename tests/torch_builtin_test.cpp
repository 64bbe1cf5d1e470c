// The built-in networks: weights from the seed, samples by themselves, learning, checkpoints. That they compute what
// they should is compared with PyTorch in torch_network_twins.py.
#include <gmock/gmock.h>

#include "adapters/torch/builtin_network.hpp"
#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/learned_arrays.hpp"
#include "adapters/torch/learned_network.hpp"
#include "adapters/torch/torch_learner.hpp"
#include "coupler/plan/builtin_networks.hpp"
#include "ekman/error.hpp"
#include "torch_networks.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

constexpr std::int64_t k_ny = 8, k_nx = 12, k_points = k_ny * k_nx, k_samples = 4;

NetworkSpec spec_of(const NetworkSource& source, bool is_grid) {
  NetworkSpec spec;
  spec.name = "ocean";
  spec.source = source;
  spec.inputs = {{{"t"}}, {{"s"}}};
  spec.outputs = {{{"y"}}};
  spec.chunk = spec.tile = k_samples;
  if (!is_grid) return spec;
  spec.sample = Sample::grid;
  spec.grid_ny = k_ny;
  spec.grid_nx = k_nx;
  return spec;
}

class Builtin : public TorchEngineTest, public testing::WithParamInterface<const char*> {
 protected:
  bool is_grid() const { return find_builtin(GetParam())->needs_grid; }
  NetworkSpec spec(std::int64_t seed = 1) const {
    const std::string name = GetParam();
    return spec_of(name == "mlp"      ? mlp_source({7, 5}, "tanh", seed)
                   : name == "resmlp" ? resmlp_source(8, 2, seed)
                   : name == "unet"   ? unet_source(4, 3, "zero", "periodic", seed)
                                      : fno_source(4, {2, 3}, 2, "zero", "periodic", seed),
                   is_grid());
  }
  std::int64_t rows() const { return k_samples * spec().rows_per_sample(); }
  static std::unique_ptr<Engine> engine(const NetworkSpec& spec) { return engine_for(spec, {2, 1}, {2}); }
  static std::vector<NamedArray> arrays_of(const NetworkSpec& spec) {
    const RowLayout in = make_row_layout(spec.inputs, {2, 1}), out = make_row_layout(spec.outputs, {2});
    const auto network = make_builtin_network(spec, in, out, at::Device(at::kCPU), at::kFloat);
    std::vector<NamedArray> arrays;
    ArrayWriter writer(arrays);
    for (const NamedParameter& parameter : network->parameters())
      writer("parameters/" + parameter.name, parameter.tensor);
    return arrays;
  }
};

INSTANTIATE_TEST_SUITE_P(All, Builtin, testing::Values("mlp", "resmlp", "unet", "fno"),
                         [](const auto& name) { return std::string(name.param); });

TEST(Builtins, AllOfThemAreTestedHere) {
  std::vector<std::string> names;
  for (const BuiltinNetwork& network : builtin_networks())
    if (network.is_computed) names.push_back(network.name);

  EXPECT_EQ(names, (std::vector<std::string>{"mlp", "resmlp", "unet", "fno"}));
}

TEST_P(Builtin, FollowsFromItsSeedAlone) {
  const at::Tensor in = at::randn({rows(), 3});
  const at::Tensor first = run(*engine(spec(1)), in, 2);
  at::rand({3});  // moves LibTorch's own generator

  expect_same_bits(run(*engine(spec(1)), in, 2), first);
  EXPECT_FALSE(at::equal(run(*engine(spec(2)), in, 2), first));
  EXPECT_GT(first.std().item<float>(), 1e-3);
}

TEST_P(Builtin, LeavesTheGeneratorOfLibTorchWhereItWas) {
  at::manual_seed(7);
  const at::Tensor expected = at::rand({3});
  at::manual_seed(7);

  engine(spec(1));

  expect_same_bits(at::rand({3}), expected);
}

TEST_P(Builtin, OutputsOfASampleDoNotDependOnTheOthersOfATile) {
  const auto made = engine(spec());
  const std::int64_t sample = spec().rows_per_sample();
  const at::Tensor in = at::randn({rows(), 3});
  const at::Tensor before = run(*made, in, 2).narrow(0, sample, sample).clone();
  in.narrow(0, 0, sample).mul_(-30.0).add_(4.0);
  in.narrow(0, 2 * sample, 2 * sample).fill_(std::numeric_limits<float>::quiet_NaN());

  expect_same_bits(run(*made, in, 2).narrow(0, sample, sample), before);
}

TEST_P(Builtin, OutputsDependOnAllInputs) {
  const auto made = engine(spec());
  const at::Tensor in = at::randn({rows(), 3});
  const at::Tensor before = run(*made, in, 2).clone();
  for (std::int64_t column = 0; column < 3; ++column) {
    const at::Tensor changed = in.clone();
    changed.select(1, column).add_(1.0);

    EXPECT_FALSE(at::equal(run(*made, changed, 2), before)) << column;
  }
}

TEST_P(Builtin, LearnsInAnyKindOfReal) {
  for (const Compute compute : {Compute::float32, Compute::float64, Compute::bfloat16}) {
    NetworkSpec learning = spec();
    learning.compute = compute;
    learning.training.given = true;
    learning.training.targets = {{"y", "y_true"}};
    LossTerm term;
    term.fields = {"y"};
    learning.training.loss = {term};
    learning.training.optimizer.kind = OptimizerKind::adam;
    learning.training.optimizer.lr = 0.01;
    const RowLayout in = make_row_layout(learning.inputs, {2, 1}), out = make_row_layout(learning.outputs, {2}),
                    truth = make_row_layout({{{"y_true"}}}, {2});
    const auto made = make_torch_engine(learning, in, out, truth, "cpu", 1);
    const at::Tensor x = at::randn({rows(), 3}), z = at::sin(x.narrow(1, 0, 2)).contiguous();
    EXPECT_TRUE(at::isfinite(run(*made, x, 2)).all().item<bool>());
    std::vector<double> losses;
    for (int step = 0; step < 40; ++step) {
      Lesson lesson;
      lesson.in = static_cast<const std::byte*>(x.data_ptr());
      lesson.truth = static_cast<const std::byte*>(z.data_ptr());
      lesson.rows = rows();
      lesson.exchange = step;
      made->learner()->add(lesson);
      losses.push_back(made->learner()->step().loss);
    }

    EXPECT_LT(losses.back(), 0.8 * losses.front());
  }
}

TEST_P(Builtin, IsMadeAgainFromItsCheckpoint) {
  const RowLayout in = make_row_layout(spec().inputs, {2, 1}), out = make_row_layout(spec().outputs, {2});
  NetworkSpec served = spec();
  served.source = {};
  served.source.kind = SourceKind::checkpoint;
  served.source.path = (folder_ / "ocean-00000007.safetensors").string();
  LearnedState state;
  state.network = network_json(spec(5), in, out, {});
  state.arrays = arrays_of(spec(9));  // stand for what it has learned
  write_checkpoint_file(served.source.path, state, 7);
  const at::Tensor x = at::randn({rows(), 3});

  const auto again = engine(served);

  expect_same_bits(run(*again, x, 2), run(*engine(spec(9)), x, 2));
  EXPECT_EQ(open_network(served).parameters, again->size().parameters);
  EXPECT_EQ(network_difference(state.network, spec(6), in, out, {}), "");
  const NetworkSource read = network_source(state.network);
  EXPECT_EQ(read.name, GetParam());
  EXPECT_EQ(read.seed, 5);
  ASSERT_EQ(read.arguments.size(), spec().source.arguments.size());
  for (const auto& [key, argument] : spec().source.arguments) {
    EXPECT_EQ(read.arguments.at(key).values, argument.values) << key;
    EXPECT_EQ(read.arguments.at(key).is_list, argument.is_list) << key;
  }
}

TEST_P(Builtin, OfOtherSizesIsNamedByTheArgumentThatDiffers) {
  const RowLayout in = make_row_layout(spec().inputs, {2, 1}), out = make_row_layout(spec().outputs, {2});
  NetworkSpec other = spec();
  const std::string key = std::string(GetParam()) == "mlp" ? "hidden" : "width";
  other.source.arguments[key].values = {"3"};

  EXPECT_THAT(network_difference(network_json(spec(), in, out, {}), other, in, out, {}),
              HasSubstr("\"" + key + "\" is "));
}

TEST_F(TorchEngineTest, CheckpointsOfTheFirstVersionTellTheirMlp) {
  const NetworkSource source =
      network_source(R"({"kind":"mlp","hidden":[16,4],"activation":"tanh","seed":5,"inputs":5,"outputs":4})");

  EXPECT_EQ(source.name, "mlp");
  EXPECT_EQ(integers_argument(source, "hidden"), (std::vector<std::int64_t>{16, 4}));
  EXPECT_EQ(text_argument(source, "activation"), "tanh");
  EXPECT_EQ(source.seed, 5);
}

// What a grid network makes of a wave that is shifted by some points in x is shifted by as many if x is periodic.
TEST_F(TorchEngineTest, PeriodicEdgesAreNone) {
  for (const char* name : {"unet", "fno"}) {
    for (const char* padding : {"periodic", "zero"}) {
      const NetworkSource source =
          std::string(name) == "unet" ? unet_source(4, 2, "zero", padding) : fno_source(4, {2, 3}, 2, "zero", padding);
      NetworkSpec spec = spec_of(source, true);
      spec.wire = Real::float64;
      spec.compute = Compute::float64;
      const auto engine = engine_for(spec, {2, 1}, {2});
      const std::vector<std::int64_t> in_shape{k_samples, k_ny, k_nx, 3}, out_shape{k_samples, k_ny, k_nx, 2};
      const at::Tensor in = at::randn(in_shape, at::kDouble);
      // By an even number: the unet has coarser grids.
      const at::Tensor moved = at::roll(in, 4, 2).contiguous();

      const at::Tensor a = at::roll(run(*engine, in.view({-1, 3}), 2).view(out_shape), 4, 2);
      const at::Tensor b = run(*engine, moved.view({-1, 3}), 2).view(out_shape);

      EXPECT_EQ(at::allclose(a, b, 1e-10, 1e-10), std::string(padding) == "periodic") << name << " " << padding;
    }
  }
}

// A lift of 3 x 2 weights and 3 biases comes before the spectral weights, which are pairs of numbers.
TEST_F(TorchEngineTest, FnoLearnsWithItsWeightsAtAnOddPlaceOfTheFlatBuffer) {
  NetworkSpec spec = spec_of(fno_source(3, {2, 3}, 2, "zero", "periodic"), true);
  spec.inputs = {{{"t"}}};
  const RowLayout in = make_row_layout(spec.inputs, {2}), out = make_row_layout(spec.outputs, {2});
  const auto make = [&] { return make_builtin_network(spec, in, out, at::Device(at::kCPU), at::kDouble); };
  const auto plain = make(), flat = make();
  FlatParameters parameters(flat->parameters());
  ASSERT_EQ(flat->parameters().at(2).tensor.storage_offset() % 2, 1) << flat->parameters().at(2).name;
  const at::Tensor x = at::randn({k_samples * k_points, 2}, at::kDouble);

  for (TorchNetwork* network : {plain.get(), flat.get()}) {
    const at::Tensor y = at::empty({x.size(0), 2}, at::kDouble);
    network->forward(x, y);
    y.square().sum().backward();
  }

  std::vector<at::Tensor> expected;
  for (const NamedParameter& parameter : plain->parameters()) expected.push_back(parameter.tensor.grad().reshape({-1}));
  EXPECT_TRUE(at::allclose(parameters.gradient(), at::cat(expected), 1e-12, 1e-12));
}

TEST_F(TorchEngineTest, ABuiltInNetworkThatIsNoneIsNamed) {
  const NetworkSpec spec = spec_of(builtin_source("unett", {}), false);

  EXPECT_THAT(
      [&] {
        engine_for(spec, {2, 1}, {2});
      },
      testing::ThrowsMessage<Error>(HasSubstr("network \"ocean\": there is no built-in network \"unett\"")));
}

}  // namespace
}  // namespace ekman
