// The torch engine on the first GPU against itself on the CPU. Registered where LibTorch has CUDA.
#include <torch/cuda.h>

#include "ekman/error.hpp"
#include "tests/torch_networks.hpp"

namespace ekman {
namespace {

const char* const k_two_layers =
    "def forward(self, x):\n"
    "  return torch.linear(torch.tanh(torch.linear(x, self.weight)), self.weight.t(), self.bias)\n";

class GpuEngineTest : public TorchEngineTest {
 protected:
  void SetUp() override {
    TorchEngineTest::SetUp();
    ASSERT_TRUE(torch::cuda::is_available()) << "LibTorch has CUDA, but sees no GPU";
    spec_ = script_spec(save(k_two_layers, at::randn({64, 7}), at::randn({7})), {{{"t", "q"}}}, {{{"heating"}}});
  }
  std::unique_ptr<Engine> engine_on(const std::string& device) const { return engine_for(spec_, {3, 4}, {7}, device); }

  NetworkSpec spec_;
};

// float32 sums of 64 values in another order.
TEST_F(GpuEngineTest, ForwardIsThatOfTheCpuToRounding) {
  const at::Tensor in = at::randn({1024, 7});

  const at::Tensor there = run(*engine_on("cuda:0"), in, 7), here = run(*engine_on("cpu"), in, 7);

  EXPECT_LT((there - here).abs().max().item<double>(), 1e-4 * here.abs().max().item<double>());
  EXPECT_GT(here.std().item<double>(), 0.1);
}

TEST_F(GpuEngineTest, Float64IsThatOfTheCpuTo12Digits) {
  spec_.wire = Real::float64;
  spec_.compute = Compute::float64;
  const at::Tensor in = at::randn({1024, 7}, at::kDouble);

  const at::Tensor there = run(*engine_on("cuda:0"), in, 7), here = run(*engine_on("cpu"), in, 7);

  EXPECT_LT((there - here).abs().max().item<double>(), 1e-12 * here.abs().max().item<double>());
}

TEST_F(GpuEngineTest, RunsTheWholeChunkAsOneTile) {
  EXPECT_NE(engine_on("cuda:0")->describe().find("cuda:0, tiles of 1024 samples"), std::string::npos);
}

TEST_F(GpuEngineTest, PartialChunksAndRepeatedCallsHaveTheSameBits) {
  const at::Tensor in = at::randn({1024, 7});
  const std::unique_ptr<Engine> engine = engine_on("cuda:0");
  const at::Tensor whole = run(*engine, in, 7);

  expect_same_bits(run(*engine, in, 7), whole);
  for (const std::int64_t rows : {1, 300, 1023}) {
    at::Tensor part = in.clone();
    part.narrow(0, rows, 1024 - rows).zero_();
    expect_same_bits(run(*engine, part, 7, rows).narrow(0, 0, rows), whole.narrow(0, 0, rows));
  }
}

TEST_F(GpuEngineTest, TwoEnginesShareAGpu) {
  const at::Tensor in = at::randn({1024, 7});
  const std::unique_ptr<Engine> one = engine_on("cuda:0"), other = engine_on("cuda:0");
  const at::Tensor first = run(*one, in, 7);

  expect_same_bits(run(*other, in, 7), first);
  expect_same_bits(run(*one, in, 7), first);
}

TEST_F(GpuEngineTest, RefusesAGpuThatIsNotThere) {
  EXPECT_THROW(engine_on("cuda:" + std::to_string(torch::cuda::device_count())), Error);
}

}  // namespace
}  // namespace ekman
