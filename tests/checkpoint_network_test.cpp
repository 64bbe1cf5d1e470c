// A network that is served from its checkpoint alone.
#include <gmock/gmock.h>

#include <fstream>

#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/torch_engine.hpp"
#include "adapters/torch/torch_network.hpp"
#include "checkpoint_learner.hpp"
#include "coupler/base/bytes.hpp"
#include "coupler/engine/learner.hpp"
#include "ekman/error.hpp"
#include "torch_networks.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

class CheckpointNetwork : public TorchEngineTest {
 protected:
  void SetUp() override {
    TorchEngineTest::SetUp();
    spec_.name = "convection";
    spec_.source = mlp_source({16}, "tanh", 5);
    spec_.chunk = spec_.tile = 8;
    spec_.inputs = {{{"t", "q"}, Combine::concat}};
    spec_.outputs = {{{"heating"}, Combine::concat}};
    served_ = spec_;
    served_.source = {};
    served_.source.kind = SourceKind::checkpoint;
    served_.source.path = (folder_ / "convection-00000007.safetensors").string();
  }

  // The parameters of the network with another seed, which stand for what it has learned.
  LearnedState learned(NetworkSpec like) const {
    like.source.seed = 99;
    const auto network = make_mlp_network(like, make_row_layout(like.inputs, {3, 2}),
                                          make_row_layout(like.outputs, {4}), at::Device(at::kCPU), at::kFloat);
    LearnedState state;
    state.network = R"({"kind":"mlp","hidden":[16],"activation":"tanh","seed":5,"inputs":5,"outputs":4})";
    for (const NamedParameter& parameter : network->parameters()) {
      const at::Tensor values = parameter.tensor.detach().contiguous();
      state.arrays.push_back(
          array_with("parameters/" + parameter.name, ArrayKind::float32, values.sizes().vec(),
                     std::vector<float>(values.data_ptr<float>(), values.data_ptr<float>() + values.numel())));
    }
    return state;
  }
  std::string message(const NetworkSpec& spec) const {
    try {
      engine_for(spec, {3, 2}, {4});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::network);
      return error.what();
    }
    return "no error";
  }

  NetworkSpec spec_, served_;
};

TEST_F(CheckpointNetwork, BuiltInIsMadeAgainFromTheFileAlone) {
  write_checkpoint_file(served_.source.path, learned(spec_), 7);
  NetworkSpec other = spec_;
  other.source.seed = 99;
  const at::Tensor in = at::randn({8, 5});

  const auto engine = engine_for(served_, {3, 2}, {4});

  expect_same_bits(run(*engine, in, 4), run(*engine_for(other, {3, 2}, {4}), in, 4));
  EXPECT_FALSE(at::equal(run(*engine, in, 4), run(*engine_for(spec_, {3, 2}, {4}), in, 4)));
  EXPECT_EQ(open_network(served_).parameters, 5 * 16 + 16 + 16 * 4 + 4);
}

TEST_F(CheckpointNetwork, TorchScriptIsTheFileBesideIt) {
  LearnedState state;
  state.network = R"({"kind":"torchscript","file":"elsewhere.pt"})";
  write_checkpoint_file(served_.source.path, state, 7);
  EXPECT_THAT(message(served_), HasSubstr("there is no " + (folder_ / "convection-00000007.pt").string()));

  const std::string path = save("def forward(self, x):\n  return x[:, :4] * self.weight\n", at::full({1}, 3.0));
  std::filesystem::rename(path, folder_ / "convection-00000007.pt");

  const at::Tensor in = at::randn({8, 5});
  expect_same_bits(run(*engine_for(served_, {3, 2}, {4}), in, 4), in.narrow(1, 0, 4) * 3.0);
  EXPECT_EQ(open_network(served_).parameters, 1);
}

TEST_F(CheckpointNetwork, BringsWhatItWasNormalisedByAlong) {
  NetworkSpec explicitly = spec_;
  explicitly.source.seed = 99;
  explicitly.normalize = {
      {"t", {{1.0, 2.0, 3.0}, {2.0, 0.5, 4.0}}}, {"q", {{0.5, 0.25}, {2.0, 1.0}}}, {"heating", {{1.0}, {3.0}}}};
  LearnedState state = learned(spec_);
  state.network.back() = ',';
  state.network +=
      R"("normalize":{"t":{"mean":[1,2,3],"std":[2,0.5,4]},"q":"running","heating":{"mean":1,"std":3},"gone":{"mean":7,"std":7}}})";
  state.arrays.push_back(array_with("normalization/count", ArrayKind::float64, {}, std::vector<double>{8.0}));
  state.arrays.push_back(array_with("normalization/q/mean", ArrayKind::float64, {2}, std::vector<double>{0.5, 0.25}));
  state.arrays.push_back(
      array_with("normalization/q/squares", ArrayKind::float64, {2}, std::vector<double>{32.0, 0.0}));
  write_checkpoint_file(served_.source.path, state, 7);
  const at::Tensor in = at::randn({8, 5});

  const at::Tensor out = run(*engine_for(served_, {3, 2}, {4}), in, 4);

  expect_same_bits(out, run(*engine_for(explicitly, {3, 2}, {4}), in, 4));
  served_.normalize["heating"] = {{0.0}, {1.0}};
  EXPECT_FALSE(at::equal(out, run(*engine_for(served_, {3, 2}, {4}), in, 4)))
      << "the plan counts where it says something";
}

TEST_F(CheckpointNetwork, LearnsOnFromItsRunningNormalisation) {
  LearnedState state = learned(spec_);
  state.arrays.push_back(array_with("normalization/count", ArrayKind::float64, {}, std::vector<double>{8.0}));
  state.arrays.push_back(array_with("normalization/q/mean", ArrayKind::float64, {2}, std::vector<double>{0.5, 0.25}));
  state.arrays.push_back(
      array_with("normalization/q/squares", ArrayKind::float64, {2}, std::vector<double>{32.0, 8.0}));
  write_checkpoint_file(served_.source.path, state, 7);
  const auto array_of = [](Engine& engine, const std::string& name) {
    for (const NamedArray& array : engine.learner()->state().arrays)
      if (array.name == name) return load<double>(array.bytes.data());
    return -1.0;
  };
  NetworkSpec targets = served_;
  targets.normalize["q"].running = true;
  targets.training.given = true;
  targets.training.targets = {{"heating", "true"}};
  LossTerm term;
  term.kind = LossKind::mse;
  term.fields = {"heating"};
  targets.training.loss = {term};
  const RowLayout in = make_row_layout(spec_.inputs, {3, 2}), out = make_row_layout(spec_.outputs, {4}),
                  truth = make_row_layout({{{"true"}}}, {4});

  const auto engine = make_torch_engine(targets, in, out, truth, "cpu", 1);
  EXPECT_EQ(array_of(*engine, "normalization/count"), 8.0);
  const at::Tensor rows = at::randn({8, 5}), wanted = at::randn({8, 4});
  const std::vector<std::int64_t> ids{0, 1, 2, 3, 4, 5, 6, 7};
  engine->learner()->add({static_cast<const std::byte*>(rows.data_ptr()),
                          static_cast<const std::byte*>(wanted.data_ptr()), 8, ids.data(), 0, 0, 0});
  engine->learner()->step();
  EXPECT_EQ(array_of(*engine, "normalization/count"), 16.0);

  NetworkSpec tape = served_;
  tape.training.given = true;
  tape.tape = 1;
  const auto taped = make_torch_engine(tape, in, out, {}, "cpu", 1);
  EXPECT_THAT(taped->learner()->state().network, HasSubstr(R"("q":{"mean":[0.5,0.25],"std":[2.0,1.0]})"))
      << "nothing is learned of it there, and nothing is forgotten";
}

TEST_F(CheckpointNetwork, OfOtherFieldsIsRefused) {
  LearnedState state = learned(spec_);
  state.arrays[0].shape = {8, 10};
  write_checkpoint_file(served_.source.path, state, 7);
  EXPECT_THAT(message(served_), HasSubstr("\"parameters/0.weight\" of shape [8, 10], but the fields of the plan need "
                                          "[16, 5]"));
  state.arrays.erase(state.arrays.begin());
  write_checkpoint_file(served_.source.path, state, 7);
  EXPECT_THAT(message(served_), HasSubstr("has no array \"parameters/0.weight\""));
  for (const char* text :
       {"", "[]", "{\"kind\":\"mlp\"}", R"({"kind":"mlp","hidden":"many","activation":"relu","seed":1})",
        R"({"kind":"builtin","name":"fno","arguments":{},"seed":1})"}) {
    state.network = text;
    write_checkpoint_file(served_.source.path, state, 7);
    EXPECT_THAT(message(served_), HasSubstr("does not say what network it is of")) << text;
  }
  std::ofstream(served_.source.path) << "no checkpoint";
  EXPECT_THAT(message(served_), HasSubstr(served_.source.path + " cannot be read"));
}

}  // namespace
}  // namespace ekman
