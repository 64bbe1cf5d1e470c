// The scale of the loss in float16, and the training of a tile as it would be recorded for a GPU: both as far as a CPU
// can show them. The rest is in gpu_test.cpp.
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "adapters/torch/loss_scale.hpp"
#include "ekman/error.hpp"
#include "tests/torch_courses.hpp"
#include "tests/torch_lessons.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

TEST(LossScale, FallsAndGrowsAsPyTorchs) {
  LossScale scale;
  EXPECT_EQ(scale.value(), 65536.0);
  EXPECT_TRUE(scale.fall());
  EXPECT_EQ(scale.value(), 32768.0);
  for (int step = 0; step < 1999; ++step) scale.step_was_made();
  EXPECT_EQ(scale.value(), 32768.0);
  scale.step_was_made();
  EXPECT_EQ(scale.value(), 65536.0);
  for (int step = 0; step < 1999; ++step) scale.step_was_made();
  scale.fall();  // the steps in a row begin anew
  for (int step = 0; step < 1999; ++step) scale.step_was_made();
  EXPECT_EQ(scale.value(), 32768.0);
}

TEST(LossScale, EndsBetweenTheBoundsOfFloat32) {
  LossScale scale;
  int falls = 0;
  while (scale.fall()) ++falls;
  EXPECT_EQ(falls, 16 + 40);
  EXPECT_EQ(scale.value(), std::ldexp(1.0, -40));
  EXPECT_FALSE(scale.fall());
  for (int step = 0; step < 200 * 2000; ++step) scale.step_was_made();
  EXPECT_TRUE(std::isfinite(static_cast<float>(scale.value())));
}

TEST(LossScale, NamesAllOfIt) {
  struct Names {
    std::map<std::string, double> found;
    void operator()(const std::string& name, double& value) { found[name] = value; }
    void operator()(const std::string& name, std::int64_t& value) { found[name] = static_cast<double>(value); }
  } names;
  LossScale scale;
  scale.fall();
  scale.step_was_made();
  scale.visit(names);
  EXPECT_EQ(names.found,
            (std::map<std::string, double>{{"learning/loss_scale", 32768.0}, {"learning/scale_steps", 1}}));
}

TEST_F(TorchEngineTest, RefusesFloat16OnACpu) {
  NetworkSpec spec = learning_spec(mlp_source({8}));
  spec.compute = Compute::float16;
  try {
    Course course(spec);
    ADD_FAILURE() << "float16 on a CPU";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("network \"convection\" cannot compute in float16 on cpu"));
  }
}

// On a CPU the engine refuses float16, but a learner alone shows what the scale does: there is no autocast, so that
// all else is as in float32.
class ScaledLearning : public LearnerTest {
 protected:
  ScaledLearning() {
    spec_.wire = Real::float32;
    spec_.optimize = Optimize::none;
    spec_.training.max_bad_steps = 0;
  }
  Side side_of(Compute compute, const Recorder& record = {}) const {
    NetworkSpec spec = spec_;
    spec.compute = compute;
    Side side;
    const at::Device cpu(at::kCPU);
    side.network = spec.source.kind == SourceKind::builtin ? make_builtin_network(spec, in_, out_, cpu, at::kFloat)
                                                           : load_script_network(spec, in_, out_, cpu, at::kFloat);
    side.learner = make_torch_learner(spec, *side.network, in_, out_, truth_,
                                      row_normalization(spec, in_, at::TensorOptions(cpu).dtype(at::kFloat)), record);
    return side;
  }
  static Data float_data(double weight = 1.0, std::int64_t rows = k_rows) {
    Data data = make_data(rows);
    data.truth.select(1, 3).mul_(weight);
    return {data.in.to(at::kFloat), data.truth.to(at::kFloat), rows};
  }
  static bool has_scale(const Side& side) {
    const LearnedState state = side.learner->state();
    return std::any_of(state.arrays.begin(), state.arrays.end(),
                       [](const NamedArray& array) { return array.name == "learning/loss_scale"; });
  }
};

TEST_F(ScaledLearning, ChangesNoBitOfAStep) {
  const Side scaled = side_of(Compute::float16), plain = side_of(Compute::float32);
  for (int step = 0; step < k_course; ++step) {
    const Data data = float_data();
    for (const Side* side : {&scaled, &plain}) add(*side, data, 0, step);
    const StepReport a = scaled.learner->step(), b = plain.learner->step();
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.gradient_norm, b.gradient_norm);
    EXPECT_EQ(a.loss_scale, 65536.0);
    EXPECT_EQ(b.loss_scale, 0.0);
  }
  EXPECT_EQ(scaled.learner->fingerprint(), plain.learner->fingerprint());
  EXPECT_TRUE(has_scale(scaled));
  EXPECT_FALSE(has_scale(plain));
}

// Weights of 1e35 make gradients that float32 cannot hold times 65536; max_bad_steps is 0.
TEST_F(ScaledLearning, FallsUntilTheGradientFits) {
  const Side scaled = side_of(Compute::float16), plain = side_of(Compute::float32);
  const std::uint64_t first = scaled.learner->fingerprint();
  const Data data = float_data(1e35);
  int overflows = 0;
  StepReport report;
  for (;; ++overflows) {
    add(scaled, data, 0, overflows);
    report = scaled.learner->step();
    if (report.made) break;
    EXPECT_TRUE(report.overflow);
    EXPECT_EQ(report.step, 0);
    EXPECT_EQ(report.loss_scale, std::ldexp(65536.0, -overflows));
    EXPECT_EQ(scaled.learner->fingerprint(), first);
    ASSERT_LT(overflows, 30);
  }
  EXPECT_GT(overflows, 5);
  EXPECT_FALSE(report.overflow);
  add(plain, data);
  EXPECT_EQ(plain.learner->step().gradient_norm, report.gradient_norm);
  EXPECT_EQ(plain.learner->fingerprint(), scaled.learner->fingerprint());
}

TEST_F(ScaledLearning, DoesNotTakeALossThatIsNoNumberForAnOverflow) {
  const Side scaled = side_of(Compute::float16);
  Data data = float_data();
  data.truth[2][0] = k_nan;
  add(scaled, data);
  EXPECT_THAT(error_of([&] { scaled.learner->step(); }), HasSubstr("1 optimizer steps in a row had a loss"));
}

TEST_F(ScaledLearning, GoesOnInTheSameBits) {
  const auto learn = [&](const Side& side, int first, int last) {
    for (int step = first; step < last; ++step) {
      at::manual_seed(100 + step);
      add(side, float_data(step < 6 ? 1e35 : 1e36), 0, step);  // the scale falls in the midst of it again
      side.learner->step();
    }
  };
  const Side straight = side_of(Compute::float16);
  learn(straight, 0, 30);
  EXPECT_GT(straight.learner->last().step, 5);
  for (const int stop : {3, 15, 20}) {
    const Side before = side_of(Compute::float16), after = side_of(Compute::float16);
    learn(before, 0, stop);
    after.learner->restore(before.learner->state());
    learn(after, stop, 30);
    const LearnedState expected = straight.learner->state(), found = after.learner->state();
    ASSERT_EQ(found.arrays.size(), expected.arrays.size());
    for (std::size_t i = 0; i < found.arrays.size(); ++i)
      EXPECT_EQ(found.arrays[i].bytes, expected.arrays[i].bytes) << stop << found.arrays[i].name;
  }
}

// In place of CudaGraph: what a recording must not do on the CPU is not found out here, all else is.
class RecordedLearning : public ScaledLearning {
 protected:
  Recorder recorder() {
    return [this](const std::function<void()>& work) {
      for (int i = 0; i < 4; ++i) work();
      return [this, work] {
        ++replays_;
        work();
      };
    };
  }
  // By 20 steps of whole and cut chunks.
  void expect_the_bits_without(Compute compute, int replays, double weight = 1.0) {
    const Side with = side_of(compute, recorder()), without = side_of(compute);
    EXPECT_EQ(with.learner->fingerprint(), without.learner->fingerprint());
    EXPECT_THAT(with.learner->describe(), HasSubstr("its training step is a CUDA graph"));
    for (int step = 0; step < k_course; ++step) {
      const Data data = float_data(weight, step % 2 == 0 ? 12 : 6);
      for (const Side* side : {&with, &without}) add(*side, data, 0, step);
      const StepReport a = with.learner->step(), b = without.learner->step();
      EXPECT_EQ(a.loss, b.loss);
      EXPECT_EQ(a.terms, b.terms);
      EXPECT_EQ(a.weight, b.weight);
      EXPECT_EQ(a.made, b.made);
    }
    EXPECT_EQ(with.learner->fingerprint(), without.learner->fingerprint());
    EXPECT_GT(with.learner->last().step, 5);
    EXPECT_EQ(replays_, replays);
  }
  std::string told() { return side_of(Compute::float32, recorder()).learner->describe(); }

  int replays_ = 0;
};

// Tiles of 4: three, and one with another of two rows and two pads.
TEST_F(RecordedLearning, GivesTheBitsOfTilesWithWeights) { expect_the_bits_without(Compute::float32, 10 * 3 + 10 * 2); }

TEST_F(RecordedLearning, LeavesTilesWithPadsOutWhereNoneHasWeights) {
  spec_.training.weights.clear();
  expect_the_bits_without(Compute::float32, 10 * 3 + 10 * 1);
}

TEST_F(RecordedLearning, GivesTheBitsWithRunningNormalisation) {
  spec_.normalize["q"].running = true;
  expect_the_bits_without(Compute::float32, 10 * 3 + 10 * 2);
}

TEST_F(RecordedLearning, GivesTheBitsInBfloat16) { expect_the_bits_without(Compute::bfloat16, 10 * 3 + 10 * 2); }

TEST_F(RecordedLearning, ReadsTheScaleOfTheLossAnew) { expect_the_bits_without(Compute::float16, 50, 1e35); }

TEST_F(RecordedLearning, GivesTheBitsBesideValidation) {
  spec_.training.validation = {0.3, 2, 1};
  const Side with = side_of(Compute::float32, recorder()), without = side_of(Compute::float32);
  for (int step = 0; step < 5; ++step) {
    const Data data = float_data();
    for (const Side* side : {&with, &without}) add(*side, data, step, step);
    EXPECT_EQ(with.learner->step().loss, without.learner->step().loss);
  }
  EXPECT_EQ(with.learner->fingerprint(), without.learner->fingerprint());
  EXPECT_GT(replays_, 5);
}

TEST_F(RecordedLearning, SaysWhatIsNotRecorded) {
  const auto use = [&](const std::string& forward) {
    torch::jit::Module module("net");
    module.register_attribute("training", c10::BoolType::get(), true);
    module.register_parameter("w", at::randn({3, 3}), false);
    module.register_buffer("mean", at::zeros({3}));
    module.register_buffer("var", at::ones({3}));
    module.define("def forward(self, x):\n  y = torch.mm(x, self.w)\n  return " + forward + "\n");
    use_script(module);
  };
  use("torch.dropout(y, 0.5, self.training)");
  EXPECT_THAT(told(), HasSubstr("no CUDA graph of its training step: its training forward draws random numbers"));
  use("torch.batch_norm(y, None, None, self.mean, self.var, self.training, 0.1, 1e-5, False)");
  EXPECT_THAT(told(), HasSubstr("no CUDA graph of its training step: its training forward changes buffers"));
  use("y - y.mean(0)");
  EXPECT_THAT(told(), HasSubstr("no CUDA graph of its training step: samples of a tile see each other"));
  use("y");
  EXPECT_THAT(told(), HasSubstr("its training step is a CUDA graph"));
  torch::jit::Module loss("loss");
  loss.define("def forward(self, outputs, targets, inputs):\n  return outputs.sum(1)\n");
  const std::string path = (folder_ / "loss.pt").string();
  spec_.training.loss = {term(LossKind::torchscript, {}, 1.0, path)};
  loss.save(path);
  EXPECT_THAT(told(), HasSubstr("no CUDA graph of its training step: a loss of one's own"));
  EXPECT_EQ(replays_, 0);
}

}  // namespace
}  // namespace ekman
