// A network that learned, through its checkpoint, into service and on with learning.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "adapters/torch/checkpoint_store.hpp"
#include "ekman/error.hpp"
#include "torch_networks.hpp"

namespace ekman {
namespace {

class CheckpointLearning : public TorchEngineTest {
 protected:
  void SetUp() override {
    TorchEngineTest::SetUp();
    spec_.name = "convection";
    spec_.source = mlp_source({16});
    spec_.chunk = spec_.tile = 8;
    spec_.inputs = {{{"t", "q"}, Combine::concat}};
    spec_.outputs = {{{"heating"}, Combine::concat}};
    spec_.training.given = true;
    spec_.training.targets = {{"heating", "heating_true"}};
    LossTerm term;
    term.fields = {"heating"};
    spec_.training.loss = {term};
    spec_.training.checkpoint = {"checkpoints", 1, 3};
    spec_.training.resume = "latest";
  }
  std::unique_ptr<Engine> engine() const {
    RowLayout truth;
    truth.fields = {{"heating_true", 4, 0}};
    return make_torch_engine(spec_, make_row_layout(spec_.inputs, {3, 2}), make_row_layout(spec_.outputs, {4}), truth,
                             "cpu", 1);
  }
  static void learn(Learner& learner, int steps) {
    at::manual_seed(3);
    for (int step = 0; step < steps; ++step) {
      const at::Tensor in = at::randn({8, 5}), truth = at::randn({8, 4});
      const std::vector<std::int64_t> ids{0, 1, 2, 3, 4, 5, 6, 7};
      learner.add({static_cast<const std::byte*>(in.data_ptr()), static_cast<const std::byte*>(truth.data_ptr()), 8,
                   ids.data(), step, 0, 0});
      learner.step();
    }
  }
  // Learns, is served from its checkpoint, and learns on from it.
  void expect_same_after_checkpoint() {
    const auto one = engine();
    learn(*one->learner(), 5);
    make_checkpoint_store(spec_, folder_.string(), 0)->write(copy_of(*one->learner()));
    const Checkpoint checkpoint = find_resume(spec_, folder_.string()).value();
    NetworkSpec served = spec_;
    served.training = {};
    served.source = {};
    served.source.kind = SourceKind::checkpoint;
    served.source.path = checkpoint.path;
    const at::Tensor in = at::randn({8, 5});
    expect_same_bits(run(*one, in, 4), run(*engine_for(served, {3, 2}, {4}), in, 4));

    const auto other = engine();
    other->learner()->restore(checkpoint.state);
    learn(*one->learner(), 5);
    learn(*other->learner(), 5);
    EXPECT_EQ(one->learner()->fingerprint(), other->learner()->fingerprint());
    expect_same_bits(run(*one, in, 4), run(*other, in, 4));
  }
  void use_script() {
    torch::jit::Module module("net");
    module.register_parameter("weight", at::randn({5, 4}), false);
    module.register_parameter("unused", at::randn({300, 100}), false);
    module.register_attribute("training", c10::BoolType::get(), true);
    module.define("def forward(self, x):\n  return torch.matmul(x, self.weight) + 0.0 * self.unused.sum()\n");
    spec_.source = {};
    spec_.source.kind = SourceKind::torchscript;
    spec_.source.path = (folder_ / "net.pt").string();
    module.save(spec_.source.path);
  }
  NetworkSpec spec_;
};

TEST_F(CheckpointLearning, BuiltInIsServedAndLearnsOn) { expect_same_after_checkpoint(); }

TEST_F(CheckpointLearning, TorchScriptIsServedAndLearnsOn) {
  use_script();
  expect_same_after_checkpoint();
}

TEST_F(CheckpointLearning, FullDiskIsSaidAndLosesNothing) {
  use_script();
  const std::filesystem::path disk = folder_ / "checkpoints";
  std::filesystem::create_directories(disk);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=530k") != 0)
    GTEST_SKIP() << "mounting is not allowed here: a full disk was NOT tested";
  const auto one = engine();
  const auto store = make_checkpoint_store(spec_, folder_.string(), 0);
  std::string message = "no error";
  std::int64_t whole = 0;
  for (std::int64_t step = 1; step <= 5 && message == "no error"; ++step) {
    learn(*one->learner(), 1);
    try {
      store->write(copy_of(*one->learner()));
      whole = step;
    } catch (const Error& error) {
      message = error.what();
    }
  }
  const auto found = find_resume(spec_, folder_.string());
  ::umount(disk.c_str());

  EXPECT_NE(message.find("No space left on device"), std::string::npos) << message;
  EXPECT_EQ(found->step, whole);
}

}  // namespace
}  // namespace ekman
