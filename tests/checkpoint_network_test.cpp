// A network that is served from its checkpoint alone.
#include <gmock/gmock.h>

#include <fstream>

#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/torch_network.hpp"
#include "checkpoint_learner.hpp"
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
