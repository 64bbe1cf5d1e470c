// The torch engine against LibTorch called directly, its bits under splitting, and its messages. The
// TorchScript files are made here.
#include "adapters/torch/torch_engine.hpp"

#include <torch/cuda.h>

#include <cstring>
#include <fstream>

#include "adapters/torch/cuda_graph.hpp"
#include "adapters/torch/torch_message.hpp"
#include "coupler/base/sha256.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"
#include "torch_networks.hpp"

namespace ekman {
namespace {

template <typename Work>
void expect_error(Work&& work, const std::vector<std::string>& parts) {
  try {
    work();
    ADD_FAILURE() << "no error with " << parts.front();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), ErrorCode::network);
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " not in: " << text;
  }
}

const char* const k_linear = "def forward(self, x):\n  return torch.tanh(torch.linear(x, self.weight, self.bias))\n";

TEST_F(TorchEngineTest, EqualsADirectForwardOfEachTile) {
  const at::Tensor weight = at::randn({5, 7}), bias = at::randn({5}), in = at::randn({1024, 7});
  NetworkSpec spec = script_spec(save(k_linear, weight, bias), {{{"t", "q"}}}, {{{"heating"}}});
  spec.optimize = Optimize::none;
  auto engine = engine_for(spec, {3, 4}, {5});

  const at::Tensor out = run(*engine, in, 5);

  for (std::int64_t row = 0; row < 1024; row += 256) {
    const at::Tensor direct = at::tanh(at::linear(in.narrow(0, row, 256), weight, bias));
    expect_same_bits(out.narrow(0, row, 256), direct);
  }
  EXPECT_NE(engine->describe().find("cpu, 1 thread"), std::string::npos);
  EXPECT_NE(engine->describe().find("tiles of 256 samples"), std::string::npos);
}

TEST_F(TorchEngineTest, PartialChunksHaveTheSameBitsAndLeaveOtherTilesAlone) {
  const at::Tensor in = at::randn({1024, 7});
  NetworkSpec spec = script_spec(save(k_linear, at::randn({5, 7}), at::randn({5})), {{{"t"}}}, {{{"heating"}}});
  auto engine = engine_for(spec, {7}, {5});
  const at::Tensor whole = run(*engine, in, 5);

  for (std::int64_t rows : {0, 1, 9, 255, 256, 257, 700, 1023}) {
    at::Tensor part = in.clone();
    part.narrow(0, rows, 1024 - rows).zero_();
    const at::Tensor out = run(*engine, part, 5, rows);

    expect_same_bits(out.narrow(0, 0, rows), whole.narrow(0, 0, rows));
    const std::int64_t tiled = (rows + 255) / 256 * 256;
    EXPECT_TRUE(at::all(out.narrow(0, tiled, 1024 - tiled) == -1.0).item<bool>()) << rows;
  }
}

TEST_F(TorchEngineTest, RefusesMoreRowsThanAChunkHolds) {
  NetworkSpec spec = script_spec(save(k_linear, at::randn({5, 7}), at::randn({5})), {{{"t"}}}, {{{"heating"}}});
  auto engine = engine_for(spec, {7}, {5});

  expect_error([&] { run(*engine, at::zeros({1025, 7}), 5); }, {"convection", "1025 rows", "chunk of 1024"});
}

TEST_F(TorchEngineTest, GivesArgumentsInOrderAndTakesATuple) {
  const std::string path = save("def forward(self, x, ps):\n  return x.view(-1, 5) * ps, (x + 1.0)\n");
  NetworkSpec spec = script_spec(path, {{{"t", "q"}}, {{"ps"}}}, {{{"a"}}, {{"b", "c"}}});
  auto engine = engine_for(spec, {2, 3, 1}, {5, 2, 3});
  const at::Tensor in = at::randn({1024, 6});

  const at::Tensor out = run(*engine, in, 10);

  const at::Tensor x = in.narrow(1, 0, 5), ps = in.narrow(1, 5, 1);
  expect_same_bits(out, at::cat({x * ps, x + 1.0}, 1));
}

TEST_F(TorchEngineTest, StacksFieldsAndTakesAList) {
  const std::string path = save("def forward(self, x):\n  return [x[:, 0, :] - x[:, 1, :], torch.flip(x, [1])]\n");
  NetworkSpec spec = script_spec(path, {{{"t", "q"}, Combine::stack}}, {{{"a"}}, {{"b", "c"}, Combine::stack}});
  auto engine = engine_for(spec, {4, 4}, {4, 4, 4});
  const at::Tensor in = at::randn({1024, 8});

  const at::Tensor out = run(*engine, in, 12);

  const at::Tensor t = in.narrow(1, 0, 4), q = in.narrow(1, 4, 4);
  expect_same_bits(out, at::cat({t - q, q, t}, 1));
}

TEST_F(TorchEngineTest, TakesOutputsOfADictionaryByName) {
  const std::string path =
      save("def forward(self, x):\n  return {\"b\": x[:, 0:1], \"a\": x * 2.0, \"more\": x[:, 0]}\n");
  NetworkSpec spec = script_spec(path, {{{"t"}}}, {{{"a"}}, {{"b"}}});
  const at::Tensor in = at::randn({1024, 4});

  const at::Tensor out = run(*engine_for(spec, {4}, {4, 1}), in, 5);

  expect_same_bits(out, at::cat({in * 2.0, in.narrow(1, 0, 1)}, 1));
}

TEST_F(TorchEngineTest, NamesTheKeysOfADictionaryThatHasNotTheField) {
  const std::string path = save("def forward(self, x):\n  return {\"a\": x, \"b\": x}\n");
  const NetworkSpec other = script_spec(path, {{{"t"}}}, {{{"c"}}});
  const NetworkSpec two = script_spec(path, {{{"t"}}}, {{{"a", "b"}}});

  expect_error([&] { engine_for(other, {4}, {4}); }, {"a dictionary of a, b", "lists c as one of `outputs`"});
  expect_error([&] { engine_for(two, {4}, {4, 4}); }, {"lists a and b as one", "have one field"});
}

TEST_F(TorchEngineTest, StackedFieldsNeedEqualLevels) {
  const std::string path = save("def forward(self, x):\n  return x\n");
  NetworkSpec spec = script_spec(path, {{{"t", "ps"}, Combine::stack}}, {{{"a"}}});

  expect_error([&] { engine_for(spec, {4, 1}, {4}); }, {"convection", "t (4 levels), ps (1 level)", "concat"});
}

TEST_F(TorchEngineTest, GridsAreChannelsByYByXWithXFastest) {
  const at::Tensor weight = at::randn({2, 3, 3, 3}), bias = at::randn({2});
  const std::string path =
      save("def forward(self, x):\n  return torch.conv2d(x, self.weight, self.bias, [1, 1], [1, 1])\n", weight, bias);
  NetworkSpec spec = script_spec(path, {{{"u", "v"}}}, {{{"p"}}});
  spec.sample = Sample::grid;
  spec.grid_ny = 4;
  spec.grid_nx = 6;
  spec.chunk = 2;
  spec.tile = 1;
  spec.optimize = Optimize::none;
  auto engine = engine_for(spec, {2, 1}, {2});
  const at::Tensor images = at::randn({2, 3, 4, 6});
  const at::Tensor in = images.permute({0, 2, 3, 1}).reshape({48, 3}).contiguous();

  const at::Tensor out = run(*engine, in, 2);

  for (std::int64_t s = 0; s < 2; ++s) {
    const at::Tensor direct = at::conv2d(images.narrow(0, s, 1), weight, bias, 1, 1);
    const at::Tensor found = out.narrow(0, 24 * s, 24).reshape({1, 4, 6, 2}).permute({0, 3, 1, 2});
    expect_same_bits(found.contiguous(), direct);
  }
}

TEST_F(TorchEngineTest, NormalisesInputsAndOutputsByField) {
  const std::string path = save("def forward(self, x):\n  return x * 3.0\n");
  NetworkSpec spec = script_spec(path, {{{"t", "q"}}}, {{{"a", "b"}}});
  spec.normalize["t"] = {{250.0}, {30.0}};
  spec.normalize["b"] = {{-2.0}, {0.5}};
  auto engine = engine_for(spec, {2, 1}, {2, 1});
  const at::Tensor in = at::randn({1024, 3}) * 10 + 240;

  const at::Tensor out = run(*engine, in, 3);

  const at::Tensor t = (in.narrow(1, 0, 2) - 250.0) / 30.0 * 3.0;
  const at::Tensor q = in.narrow(1, 2, 1) * 3.0 * 0.5 + -2.0;
  expect_same_bits(out, at::cat({t, q}, 1));
}

TEST_F(TorchEngineTest, ConvertsBetweenWireAndComputeKind) {
  const at::Tensor weight = at::randn({5, 7}), bias = at::randn({5}), in = at::randn({1024, 7});
  NetworkSpec spec = script_spec(save(k_linear, weight, bias), {{{"t"}}}, {{{"heating"}}});
  spec.compute = Compute::float64;
  spec.tile = 1024;
  const at::Tensor direct = at::tanh(at::linear(in.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble)));

  expect_same_bits(run(*engine_for(spec, {7}, {5}), in, 5), direct.to(at::kFloat));
  spec.wire = Real::float64;
  expect_same_bits(run(*engine_for(spec, {7}, {5}), in.to(at::kDouble), 5), direct);
}

TEST_F(TorchEngineTest, RoundsToBfloat16InsideTheNetworkOnly) {
  const at::Tensor weight = at::randn({5, 64}), bias = at::randn({5}), in = at::randn({1024, 64});
  NetworkSpec spec = script_spec(save(k_linear, weight, bias), {{{"t"}}}, {{{"heating"}}});
  const at::Tensor exact = run(*engine_for(spec, {64}, {5}), in, 5);
  spec.compute = Compute::bfloat16;
  const auto engine = engine_for(spec, {64}, {5});

  const at::Tensor rounded = run(*engine, in, 5);

  // Each factor, the sum and the tanh are rounded to 8 bits.
  const at::Tensor bound = at::linear(in.abs(), weight.abs(), bias.abs()) / 128 + 1.0 / 256;
  EXPECT_TRUE(((rounded - exact).abs() < bound).all().item<bool>());
  EXPECT_GT((rounded - exact).abs().max().item<float>(), 1e-4);
  expect_same_bits(run(*engine, in, 5), rounded);
  EXPECT_NE(engine->describe().find("bfloat16"), std::string::npos);
}

TEST_F(TorchEngineTest, OptimisedNetworksComputeTheSame) {
  const at::Tensor weight = at::randn({5, 7}), bias = at::randn({5}), in = at::randn({1024, 7});
  NetworkSpec spec = script_spec(save(k_linear, weight, bias), {{{"t"}}}, {{{"heating"}}});
  const at::Tensor plain = run(*engine_for(spec, {7}, {5}), in, 5);
  for (const Optimize optimize : {Optimize::none, Optimize::freeze, Optimize::inference}) {
    spec.optimize = optimize;
    const auto engine = engine_for(spec, {7}, {5});
    EXPECT_TRUE(at::allclose(run(*engine, in, 5), plain, 1e-5, 1e-6));
    EXPECT_EQ(engine->size().parameters, 5 * 7 + 5);
  }
}

NetworkSpec mlp_spec(std::int64_t seed) {
  NetworkSpec spec = script_spec("", {{{"t"}}, {{"ps"}}}, {{{"a"}}, {{"b"}}});
  spec.source = mlp_source({16, 16}, "relu", seed);
  return spec;
}

TEST_F(TorchEngineTest, MlpFollowsFromItsSeedAlone) {
  const at::Tensor in = at::randn({1024, 5});
  const at::Tensor first = run(*engine_for(mlp_spec(1), {4, 1}, {2, 1}), in, 3);
  at::rand({3});  // moves LibTorch's own generator

  expect_same_bits(run(*engine_for(mlp_spec(1), {4, 1}, {2, 1}), in, 3), first);
  EXPECT_FALSE(at::equal(run(*engine_for(mlp_spec(2), {4, 1}, {2, 1}), in, 3), first));
  EXPECT_GT(first.std().item<float>(), 1e-3);
}

TEST_F(TorchEngineTest, MlpRefusesAnUnknownActivation) {
  NetworkSpec spec = mlp_spec(1);
  spec.source = mlp_source({16}, "rely");

  expect_error([&] { engine_for(spec, {4, 1}, {2, 1}); }, {"convection", "\"rely\"", "relu, tanh"});
}

TEST_F(TorchEngineTest, WrongInputShapeIsNamedAtStart) {
  NetworkSpec spec = script_spec(save(k_linear, at::randn({5, 7}), at::randn({5})), {{{"t", "q"}}}, {{{"a"}}});

  expect_error(
      [&] {
        engine_for(spec, {3, 3}, {5});
      },
      {"network \"convection\"", spec.source.path, "argument 1 of shape [256, 6]", "t (3 levels), q (3 levels)",
       "mat1 and mat2", "7x5", "`inputs`"});
}

TEST_F(TorchEngineTest, LibTorchsReasonCanBeTakenOutOfAnErrorOfForward) {
  const NetworkSpec spec = script_spec(save(k_linear, at::randn({5, 7}), at::randn({5})), {{{"t"}}}, {{{"a"}}});
  try {
    engine_for(spec, {6}, {5});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what(), reason = torch_reason(error);
    EXPECT_LT(reason.size(), text.size());
    EXPECT_NE(text.find(": " + reason + "; make fields"), std::string::npos) << reason << " is not in: " << text;
  }
}

TEST_F(TorchEngineTest, WrongOutputShapeIsNamedAtStart) {
  NetworkSpec spec = script_spec(save(k_linear, at::randn({5, 7}), at::randn({5})), {{{"t"}}}, {{{"a", "b"}}});

  expect_error(
      [&] {
        engine_for(spec, {7}, {3, 3});
      },
      {"output 1 with shape [256, 5]", "a (3 levels), b (3 levels) need [256, 6]", "`outputs`"});
}

TEST_F(TorchEngineTest, WrongNumbersAndKindsAreNamedAtStart) {
  const std::vector<Argument> one{{{"t"}}}, two{{{"a"}}, {{"b"}}};
  std::string path = save("def forward(self, x):\n  return x\n");
  expect_error(
      [&] {
        engine_for(script_spec(path, two, one), {1, 1}, {1});
      },
      {"takes 1 argument", "lists 2 under `inputs`"});
  expect_error(
      [&] {
        engine_for(script_spec(path, one, two), {1}, {1, 1});
      },
      {"returns 1 tensor", "lists 2 under `outputs`"});

  path = save("def forward(self, x):\n  return \"a\"\n");
  expect_error([&] { engine_for(script_spec(path, one, one), {1}, {1}); },
               {"returns a String", "tuple, list or dictionary"});

  path = save("def forward(self, x):\n  return x.double()\n");
  expect_error([&] { engine_for(script_spec(path, one, one), {1}, {1}); }, {"as Double", "asks for Float"});

  path = save("def step(self, x):\n  return x\n");
  expect_error([&] { engine_for(script_spec(path, one, one), {1}, {1}); }, {"forward", "does not exist"});

  path = save("def forward(self, x):\n  assert x.size(1) == 3, \"three please\"\n  return x\n");
  expect_error([&] { engine_for(script_spec(path, one, one), {1}, {1}); }, {"three please"});
}

TEST_F(TorchEngineTest, OptionalArgumentsMayBeLeftOut) {
  const std::string path = save("def forward(self, x, scale: float = 2.0):\n  return x * scale\n");
  const at::Tensor in = at::randn({1024, 1});

  expect_same_bits(run(*engine_for(script_spec(path, {{{"t"}}}, {{{"a"}}}), {1}, {1}), in, 1), in * 2.0);
}

TEST_F(TorchEngineTest, MissingTruncatedAndForeignFilesAreToldApart) {
  const std::vector<Argument> one{{{"t"}}};
  const auto load = [&](const std::string& path) { engine_for(script_spec(path, one, one), {7}, {5}); };
  const std::string missing = (folder_ / "nowhere.pt").string();
  expect_error([&] { load(missing); }, {"convection", missing, "does not exist"});
  expect_error([&] { load(folder_.string()); }, {"is not a file"});

  const std::string text = (folder_ / "text.pt").string();
  std::ofstream(text) << "version https://git-lfs.github.com/spec/v1\n";
  expect_error([&] { load(text); }, {text, "is not a TorchScript file", "torch.jit.script"});

  const std::string empty = (folder_ / "empty.pt").string();
  std::ofstream(empty).flush();
  expect_error([&] { load(empty); }, {empty, "is empty"});

  const std::string whole = save(k_linear, at::randn({5, 7}), at::randn({5}));
  std::filesystem::resize_file(whole, std::filesystem::file_size(whole) / 2);
  expect_error([&] { load(whole); }, {whole, "cannot be read", "truncated"});
}

TEST_F(TorchEngineTest, Sha256FollowsTheStandard) {
  const std::string path = (folder_ / "bytes").string();
  const auto sha256 = [&path](const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    return sha256_of_file(path);
  };

  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // Two whole buffers of the reader.
  EXPECT_EQ(sha256(std::string(2 << 20, 'a')), "5256ec18f11624025905d057d6befb03d77b243511ac5f77ed5e0221ce6d84b5");
}

TEST_F(TorchEngineTest, AnotherFileThanThePlanMeansIsRefused) {
  NetworkSpec spec = script_spec(save(k_linear, at::randn({5, 7}), at::randn({5})), {{{"t"}}}, {{{"a"}}});
  spec.source.sha256 = sha256_of_file(spec.source.path);
  engine_for(spec, {7}, {5});

  spec.source.sha256 = std::string(64, '0');
  expect_error([&] { engine_for(spec, {7}, {5}); }, {"convection", spec.source.path, "SHA-256", "`sha256`"});
}

TEST_F(TorchEngineTest, ANetworkThatWorksInPlaceLeavesTheChunkAlone) {
  const std::string path = save("def forward(self, x):\n  x.mul_(2.0)\n  return x + 0.0\n");
  const at::Tensor in = at::randn({1024, 4}), given = in.clone();
  auto engine = engine_for(script_spec(path, {{{"t"}}}, {{{"a"}}}), {4}, {4});

  const at::Tensor out = run(*engine, in, 4);

  expect_same_bits(in, given);
  expect_same_bits(out, given * 2.0);
}

TEST_F(TorchEngineTest, DevicesThatAreNotThereAreNamed) {
  NetworkSpec spec = mlp_spec(1);
  const RowLayout in = make_row_layout(spec.inputs, {4, 1}), out = make_row_layout(spec.outputs, {2, 1});

  expect_error([&] { make_torch_engine(spec, in, out, {}, "cuda:99", 1); }, {"convection", "cuda:99"});
  expect_error([&] { make_torch_engine(spec, in, out, {}, "tpu", 1); }, {"\"tpu\"", "cpu or cuda:N"});
}

TEST_F(TorchEngineTest, WithoutAGpuACudaGraphIsIgnored) {
  NetworkSpec spec = mlp_spec(1);
  const at::Tensor in = at::randn({1024, 5});
  const at::Tensor expected = run(*engine_for(spec, {4, 1}, {2, 1}), in, 3);

  spec.cuda_graph = true;
  const std::unique_ptr<Engine> engine = engine_for(spec, {4, 1}, {2, 1});

  expect_same_bits(run(*engine, in, 3), expected);
  EXPECT_EQ(engine->describe().find("graph"), std::string::npos) << engine->describe();
}

TEST(CudaGraph, SaysWhatItNeeds) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is a GPU";

  // With CUDA, but no GPU, LibTorch itself refuses.
  EXPECT_THROW(CudaGraph("convection", "forward", at::Device(at::kCUDA, 0), [] {}), std::exception);
}

TEST(TileSamples, IsADivisorOfTheChunk) {
  NetworkSpec spec;
  const auto tile = [&spec](std::int64_t chunk, std::int64_t asked, bool on_gpu) {
    spec.chunk = chunk;
    spec.tile = asked;
    return tile_samples(spec, on_gpu);
  };

  EXPECT_EQ(tile(1024, 0, false), 256);
  EXPECT_EQ(tile(100, 0, false), 100);
  EXPECT_EQ(tile(1000, 0, false), 250);
  EXPECT_EQ(tile(257, 0, false), 1);
  EXPECT_EQ(tile(1024, 0, true), 1024);
  EXPECT_EQ(tile(1024, 64, true), 64);
  EXPECT_THROW(tile(1024, 100, false), Error);
}

}  // namespace
}  // namespace ekman
