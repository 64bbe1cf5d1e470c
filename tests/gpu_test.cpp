// The torch engine on the first GPU against itself on the CPU, and with a CUDA graph against itself without. Registered
// where LibTorch has CUDA; skipped where it sees no GPU.
#include <torch/cuda.h>

#include "ekman/error.hpp"
#include "tests/builtin_sources.hpp"
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
    if (!torch::cuda::is_available()) GTEST_SKIP() << "LibTorch has CUDA, but sees no GPU";
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

class GpuGraphTest : public GpuEngineTest {
 protected:
  std::unique_ptr<Engine> recorded() {
    spec_.cuda_graph = true;
    return engine_on("cuda:0");
  }
  std::unique_ptr<Engine> not_recorded() {
    spec_.cuda_graph = false;
    return engine_on("cuda:0");
  }
  // Whole chunks, chunks that end within a tile, and the first one again.
  void expect_same_chunks(Engine& one, Engine& other) {
    const at::ScalarType wire = spec_.wire == Real::float64 ? at::kDouble : at::kFloat;
    const at::Tensor first = at::randn({1024, 7}, wire);
    for (const std::int64_t rows : {1024, 1, 300, 1023}) {
      at::Tensor in = at::randn({1024, 7}, wire);
      in.narrow(0, rows, 1024 - rows).zero_();
      expect_same_bits(run(one, first, 7), run(other, first, 7));
      expect_same_bits(run(one, in, 7, rows).narrow(0, 0, rows), run(other, in, 7, rows).narrow(0, 0, rows));
    }
  }
  void expect_the_bits_without() {
    const std::unique_ptr<Engine> with = recorded(), without = not_recorded();
    EXPECT_NE(with->describe().find("CUDA graph"), std::string::npos) << with->describe();
    EXPECT_EQ(without->describe().find("CUDA graph"), std::string::npos) << without->describe();
    expect_same_chunks(*with, *without);
  }
};

TEST_F(GpuGraphTest, GivesTheBitsOfForwardWithoutIt) { expect_the_bits_without(); }

TEST_F(GpuGraphTest, GivesThemInSmallTiles) {
  spec_.tile = 64;
  expect_the_bits_without();
}

TEST_F(GpuGraphTest, GivesThemForTheMlp) {
  spec_.source = mlp_source({64, 64});
  expect_the_bits_without();
}

TEST_F(GpuGraphTest, GivesThemForNormalisedFieldsOfAnotherKindOnTheWire) {
  spec_.wire = Real::float64;
  spec_.normalize = {{"t", {{0.5}, {2.0}}}, {"heating", {{-1.0}, {3.0}}}};
  expect_the_bits_without();
}

TEST_F(GpuGraphTest, GivesThemInBfloat16) {
  spec_.compute = Compute::bfloat16;
  expect_the_bits_without();
}

TEST_F(GpuGraphTest, GivesThemForANetworkThatWorksInPlace) {
  spec_ =
      script_spec(save("def forward(self, x):\n  x.mul_(2.0)\n  return x + 0.0\n"), {{{"t", "q"}}}, {{{"heating"}}});
  expect_the_bits_without();
}

TEST_F(GpuGraphTest, TwoOfThemTakeTurnsOnAGpu) {
  const std::unique_ptr<Engine> one = recorded(), other = recorded(), without = not_recorded();

  expect_same_chunks(*one, *other);
  expect_same_chunks(*one, *without);
  expect_same_chunks(*other, *without);
}

// The last one: LibTorch does not promise to be whole after a recording that failed.
TEST_F(GpuGraphTest, NamesANetworkThatWaitsForTheGpu) {
  spec_ = script_spec(save("def forward(self, x):\n  return x * float(x.sum())\n"), {{{"t", "q"}}}, {{{"heating"}}});
  try {
    recorded();
    ADD_FAILURE() << "recorded, although it needs a value of the GPU";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::network);
    for (const char* part : {"\"convection\"", "cannot be recorded as a CUDA graph on cuda:0", "`cuda_graph: off`"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " not in: " << error.what();
    EXPECT_EQ(std::string(error.what()).find("forward()"), std::string::npos)
        << "two messages in one: " << error.what();
  }
  EXPECT_NO_THROW(not_recorded());
}

}  // namespace
}  // namespace ekman
