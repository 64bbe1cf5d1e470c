// The torch engine on the first GPU against itself on the CPU, and with a CUDA graph against itself without, where it
// serves and where it learns; learning in bfloat16 and float16. Registered where LibTorch has CUDA; skipped where it
// sees no GPU.
#include <torch/cuda.h>

#include "ekman/error.hpp"
#include "tests/builtin_sources.hpp"
#include "tests/torch_courses.hpp"
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

// Factors, sums and tanh are rounded by 2^-11 at most; a bound for 64 products with weights of up to 4.
TEST_F(GpuEngineTest, RoundsToFloat16InsideTheNetworkOnly) {
  const at::Tensor in = at::randn({1024, 7}) * 0.1;
  const at::Tensor exact = run(*engine_on("cuda:0"), in, 7);
  spec_.compute = Compute::float16;
  const auto engine = engine_on("cuda:0");

  const at::Tensor rounded = run(*engine, in, 7);

  EXPECT_LT((rounded - exact).abs().max().item<double>(), 64 * 4 * 3.0 / 2048);
  EXPECT_GT((rounded - exact).abs().max().item<double>(), 1e-6);
  EXPECT_EQ(rounded.scalar_type(), at::kFloat);
  EXPECT_NE(engine->describe().find("float16"), std::string::npos) << engine->describe();
}

TEST_F(GpuGraphTest, GivesThemInFloat16) {
  spec_.compute = Compute::float16;
  expect_the_bits_without();
}

// With weights tiles are masked, whole or not; without, whole ones are not.
class GpuLearningTest : public GpuEngineTest {
 protected:
  static NetworkSpec with(NetworkSpec spec, Compute compute, bool graph = false) {
    spec.compute = compute;
    spec.wire = compute == Compute::float64 ? Real::float64 : Real::float32;
    spec.cuda_graph = graph;
    return spec;
  }
  std::vector<NetworkSpec> specs() const {
    std::vector<NetworkSpec> all{learning_spec(mlp_source({16, 16}, "tanh")), learning_spec(resmlp_source(16, 2)),
                                 grid_spec(unet_source(8, 2, "zeros", "periodic")),
                                 grid_spec(fno_source(8, {2, 3}, 2, "periodic", "periodic"))};
    all.push_back(all.front());
    all.back().training.weights = "area";
    return all;
  }
  static constexpr int k_layers[] = {3, 6, 8, 5, 3};

  static void expect_near_float32(const NetworkSpec& spec, Compute compute, int layers, int bits) {
    Course exact(with(spec, Compute::float32), "cuda:0"), rounded(with(spec, compute), "cuda:0");
    const std::vector<double> expected = exact.losses(), found = rounded.losses();
    EXPECT_LT(distance(expected, found), rounding_of(layers, bits)) << spec.source.name;
    EXPECT_NE(expected, found) << "nothing was rounded";
    EXPECT_LT(found.back(), 0.8 * found.front());
    rounded.state("parameters/", ArrayKind::float32);
    rounded.state("optimizer/exp_avg", ArrayKind::float32);
  }

  // Whole chunks and cut ones; then what is served.
  static void expect_the_course_without_graph(const NetworkSpec& spec, Compute compute, double tolerance) {
    Course with_graph(with(spec, compute, true), "cuda:0"), without(with(spec, compute), "cuda:0");
    EXPECT_NE(with_graph.learner().describe().find("its training step is a CUDA graph"), std::string::npos)
        << with_graph.learner().describe();
    const ArrayKind kind = compute == Compute::float64 ? ArrayKind::float64 : ArrayKind::float32;
    const at::Tensor first = without.state("parameters/", kind);
    EXPECT_TRUE(at::equal(with_graph.state("parameters/", kind), first)) << "the recording changed parameters";
    for (int step = 0; step < k_course; ++step) {
      const std::int64_t rows = step % 3 == 2 ? spec.rows_per_chunk() / 2 : -1;
      const StepReport a = with_graph.step(rows), b = without.step(rows);
      EXPECT_NEAR(a.loss, b.loss, tolerance * b.loss) << spec.source.name << step;
      EXPECT_EQ(a.weight, b.weight);
      EXPECT_EQ(a.made, b.made);
    }
    const at::Tensor expected = without.state("parameters/", kind);
    EXPECT_LT((with_graph.state("parameters/", kind) - expected).norm().item<double>(),
              tolerance * expected.norm().item<double>());
    EXPECT_GT((first - expected).norm().item<double>(), 1e-3) << "nothing was learned";
    const at::Tensor served = without.serve();
    EXPECT_LT((with_graph.serve() - served).abs().max().item<double>(),
              10 * tolerance * served.abs().max().item<double>())
        << "the graph that serves has old weights";
  }
};

TEST_F(GpuLearningTest, InBfloat16IsThatOfFloat32ToRounding) {
  for (std::size_t i = 0; i < specs().size(); ++i)
    expect_near_float32(specs()[i], Compute::bfloat16, k_layers[i], k_bfloat16_bits);
}

TEST_F(GpuLearningTest, InFloat16IsThatOfFloat32ToRounding) {
  for (std::size_t i = 0; i < specs().size(); ++i)
    expect_near_float32(specs()[i], Compute::float16, k_layers[i], k_float16_bits);
}

// The gradients of outputs are of the size of weight times scale: 1e6 * 65536 is beyond 65504.
TEST_F(GpuLearningTest, InFloat16TheScaleFallsUntilTheGradientFits) {
  NetworkSpec spec = with(learning_spec(mlp_source({16}, "tanh")), Compute::float16);
  spec.training.weights = "area";
  spec.training.max_bad_steps = 0;
  Course course(spec, "cuda:0");
  course.truth().select(1, 2).mul_(1e6);
  const std::uint64_t first = course.learner().fingerprint();
  StepReport report = course.step();
  int overflows = 0;
  for (; report.overflow && overflows < 56; ++overflows) {
    EXPECT_FALSE(report.made);
    EXPECT_EQ(report.loss_scale, std::ldexp(65536.0, -overflows));
    EXPECT_EQ(course.learner().fingerprint(), first);
    report = course.step();
  }
  EXPECT_GT(overflows, 4);
  EXPECT_TRUE(report.made);
  const std::vector<double> losses = course.losses();
  EXPECT_LT(losses.back(), 0.8 * losses.front());
}

TEST_F(GpuLearningTest, InFloat16GoesOnInTheSameBits) {
  for (const bool graph : {false, true}) {
    NetworkSpec spec = with(learning_spec(mlp_source({16}, "tanh")), Compute::float16, graph);
    spec.training.weights = "area";
    Course straight(spec, "cuda:0"), before(spec, "cuda:0"), after(spec, "cuda:0");
    for (Course* course : {&straight, &before, &after}) course->truth().select(1, 2).mul_(10.0);
    for (int step = 0; step < 5; ++step) before.step();
    after.learner().restore(before.learner().state());
    for (int step = 0; step < 15; ++step) after.step();
    for (int step = 0; step < 20; ++step) straight.step();
    EXPECT_GT(straight.learner().last().step, 5);
    EXPECT_EQ(after.learner().fingerprint(), straight.learner().fingerprint());
    EXPECT_TRUE(at::equal(after.state("learning/loss_scale", ArrayKind::float64),
                          straight.state("learning/loss_scale", ArrayKind::float64)));
  }
}

// The same kernels on the same values, but LibTorch's libraries may choose others on another stream: float64 in another
// order.
TEST_F(GpuLearningTest, CapturedIsUncapturedInFloat64) {
  for (const NetworkSpec& spec : specs()) expect_the_course_without_graph(spec, Compute::float64, 1e-10);
}

TEST_F(GpuLearningTest, CapturedIsUncapturedInFloat32) {
  for (const NetworkSpec& spec : specs()) expect_the_course_without_graph(spec, Compute::float32, 1e-3);
}

TEST_F(GpuLearningTest, CapturedIsUncapturedInBfloat16AndFloat16) {
  for (std::size_t i = 0; i < specs().size(); ++i) {
    expect_the_course_without_graph(specs()[i], Compute::bfloat16, rounding_of(k_layers[i], k_bfloat16_bits));
    expect_the_course_without_graph(specs()[i], Compute::float16, rounding_of(k_layers[i], k_float16_bits));
  }
}

TEST_F(GpuLearningTest, WhatDrawsIsServedAsAGraphAndNotCapturedInTraining) {
  torch::jit::Module module("net");
  module.register_attribute("training", c10::BoolType::get(), true);
  module.register_parameter("w", at::randn({3, 2}), false);
  module.define("def forward(self, x):\n  return torch.dropout(torch.mm(x, self.w), 0.5, self.training)\n");
  NetworkSpec spec = with(learning_spec({}), Compute::float32, true);
  spec.source.kind = SourceKind::torchscript;
  spec.source.path = (folder_ / "dropout.pt").string();
  module.save(spec.source.path);
  Course course(spec, "cuda:0");
  EXPECT_NE(course.learner().describe().find("no CUDA graph of its training step"), std::string::npos);
  EXPECT_NE(course.engine().describe().find("CUDA graph"), std::string::npos);
  const at::Tensor before = course.serve();
  course.losses();
  EXPECT_FALSE(at::equal(course.serve(), before)) << "the graph that serves has old weights";
  EXPECT_TRUE(at::equal(course.serve(), course.serve()));
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
