// What `optimize` does to TorchScript networks, and when it is done unasked.
#include <gmock/gmock.h>

#include "adapters/torch/linear_layers.hpp"
#include "adapters/torch/linear_product.hpp"
#include "adapters/torch/optimized_script.hpp"
#include "tests/torch_networks.hpp"

namespace ekman {
namespace {

constexpr const char* k_layers = R"(
def forward(self, x):
    y = torch.relu(torch.linear(x, self.weight, self.bias))
    z = torch.tanh(torch.linear(y, self.weight, self.bias))
    return torch.linear(z, self.weight) + y
)";

class OptimizeTest : public TorchEngineTest {
 protected:
  NetworkSpec spec_of(const std::string& source) {
    return script_spec(save(source, at::randn({16, 16}), at::randn({16})), {{{"t"}}}, {{{"heating"}}});
  }
  // What automatic stands for.
  Optimize chosen(const NetworkSpec& spec) {
    return optimization_of(spec, torch::jit::load(spec.source.path), at::kCPU);
  }
};

TEST_F(OptimizeTest, LinearLayersGoThroughOurProductsAndComputeTheSame) {
  NetworkSpec spec = spec_of(k_layers);
  const at::Tensor in = at::randn({1024, 16});
  spec.optimize = Optimize::none;
  const at::Tensor plain = run(*engine_for(spec, {16}, {16}), in, 16);
  spec.optimize = Optimize::inference;
  const auto engine = engine_for(spec, {16}, {16});

  const at::Tensor found = run(*engine, in, 16);

  EXPECT_TRUE(at::allclose(found, plain, 1e-4, 1e-5));
  EXPECT_TRUE(at::equal(run(*engine, in, 16), found));
  EXPECT_THAT(engine->describe(), testing::HasSubstr("optimize: inference"));
}

TEST_F(OptimizeTest, BitsOfARowDoNotDependOnTheRowsBesideIt) {
  NetworkSpec spec = spec_of(k_layers);
  spec.optimize = Optimize::inference;
  const auto engine = engine_for(spec, {16}, {16});
  const at::Tensor in = at::randn({1024, 16});
  const at::Tensor whole = run(*engine, in, 16);

  for (const std::int64_t rows : {1, 9, 255, 256, 257, 700}) {
    at::Tensor part = in.clone();
    part.narrow(0, rows, 1024 - rows).zero_();
    const at::Tensor found = run(*engine, part, 16, rows);
    EXPECT_TRUE(at::equal(found.narrow(0, 0, rows), whole.narrow(0, 0, rows))) << rows;
  }
}

TEST_F(OptimizeTest, EveryLinearLayerWithConstantWeightsIsRewritten) {
  const NetworkSpec spec = spec_of(k_layers);
  torch::jit::Module frozen = torch::jit::freeze([&] {
    torch::jit::Module module = torch::jit::load(spec.source.path);
    module.eval();
    return module;
  }());
  ASSERT_EQ(layers_of(*frozen.get_method("forward").graph()).linear, 3);

  EXPECT_EQ(run_linear_in_panels(frozen), 3);

  EXPECT_EQ(layers_of(*frozen.get_method("forward").graph()).linear, 0);
}

TEST_F(OptimizeTest, BitsOfLinearLayersDoNotDependOnTheTile) {
  if (!has_linear_product(at::kCPU, at::kFloat)) GTEST_SKIP() << "this CPU has neither AVX2 and FMA nor AVX-512";
  NetworkSpec spec = spec_of(k_layers);
  spec.optimize = Optimize::inference;
  const at::Tensor in = at::randn({1024, 16});
  const at::Tensor expected = run(*engine_for(spec, {16}, {16}), in, 16);

  for (const std::int64_t tile : {1, 2, 64, 512}) {
    spec.tile = tile;
    EXPECT_TRUE(at::equal(run(*engine_for(spec, {16}, {16}), in, 16), expected)) << tile;
  }
}

TEST_F(OptimizeTest, RowsThatANetworkSelectsMayBeNone) {
  NetworkSpec spec = spec_of(
      "def forward(self, x):\n"
      "    return x + torch.relu(torch.linear(x[x[:, 0] > 5], self.weight, self.bias)).sum()\n");
  const at::Tensor in = at::zeros({1024, 16});
  spec.optimize = Optimize::inference;
  EXPECT_TRUE(at::equal(run(*engine_for(spec, {16}, {16}), in, 16), in));
}

TEST_F(OptimizeTest, AReluInALoopStaysThere) {
  NetworkSpec spec = spec_of(
      "def forward(self, x):\n"
      "    z = torch.zeros_like(x)\n"
      "    y = torch.linear(x, self.weight, self.bias)\n"
      "    for i in range(int(x.size(1)) // 8):\n"
      "        z = z + torch.relu(y).add_(1.0)\n"
      "    return z\n");
  const at::Tensor in = at::randn({1024, 16});
  spec.optimize = Optimize::none;
  const at::Tensor plain = run(*engine_for(spec, {16}, {16}), in, 16);
  spec.optimize = Optimize::inference;

  EXPECT_TRUE(at::allclose(run(*engine_for(spec, {16}, {16}), in, 16), plain, 1e-4, 1e-5));
}

TEST_F(OptimizeTest, OtherKindsThanFloat32KeepTheirLinearLayers) {
  NetworkSpec spec = spec_of(k_layers);
  const at::Tensor in = at::randn({1024, 16});
  for (const Compute compute : {Compute::float64, Compute::bfloat16}) {
    spec.compute = compute;
    spec.optimize = Optimize::none;
    const at::Tensor plain = run(*engine_for(spec, {16}, {16}), in, 16);
    spec.optimize = Optimize::inference;
    EXPECT_TRUE(at::equal(run(*engine_for(spec, {16}, {16}), in, 16), plain));
  }
}

TEST_F(OptimizeTest, AutoFollowsFromLayers) {
  const Optimize linear = has_linear_product(at::kCPU, at::kFloat) ? Optimize::inference : Optimize::none;
  EXPECT_EQ(chosen(spec_of(k_layers)), linear);

  const NetworkSpec convolution = spec_of(
      "def forward(self, x):\n"
      "    return torch.conv1d(x.unsqueeze(1), self.weight.unsqueeze(1), self.bias, padding=8).mean(2)[:, :16]\n");
  EXPECT_EQ(chosen(convolution), Optimize::inference);
  const NetworkSpec fourier =
      spec_of("def forward(self, x):\n    return torch.fft_irfft(torch.fft_rfft(torch.linear(x, self.weight)), 16)\n");
  EXPECT_EQ(chosen(fourier), Optimize::none);
  const NetworkSpec selecting = spec_of(
      "def forward(self, x):\n"
      "    y = torch.conv1d(x[x[:, 0] > 0].unsqueeze(1), self.weight.unsqueeze(1), self.bias, padding=8)\n"
      "    return x + y.sum()\n");
  EXPECT_EQ(chosen(selecting), Optimize::none);
}

TEST_F(OptimizeTest, AutoLeavesAloneWhatLearnsOrIsNotFloat32) {
  const NetworkSpec plain = spec_of(k_layers);
  NetworkSpec learns = plain, taped = plain, exact = plain, rounded = plain;
  learns.training.given = true;
  taped.tape = 1;
  exact.compute = Compute::float64;
  rounded.compute = Compute::bfloat16;

  for (const NetworkSpec& spec : {learns, taped, exact, rounded}) EXPECT_EQ(chosen(spec), Optimize::none);
}

}  // namespace
}  // namespace ekman
