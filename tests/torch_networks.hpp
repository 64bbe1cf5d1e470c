// Networks and engines for tests of the torch engine.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/torch_engine.hpp"
#include "tests/builtin_sources.hpp"

namespace ekman {

using Levels = std::vector<std::int64_t>;

class TorchEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("ekman_torch_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    at::manual_seed(1);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Saves a network whose forward is `source`; `weight` and `bias` are its parameters where given.
  std::string save(const std::string& source, at::Tensor weight = {}, at::Tensor bias = {}) {
    torch::jit::Module module("net");
    if (weight.defined()) module.register_parameter("weight", weight, false);
    if (bias.defined()) module.register_parameter("bias", bias, false);
    module.define(source);
    const std::string path = (folder_ / "net.pt").string();
    module.save(path);
    return path;
  }

  std::filesystem::path folder_;
};

inline NetworkSpec script_spec(const std::string& path, std::vector<Argument> inputs, std::vector<Argument> outputs) {
  NetworkSpec spec;
  spec.name = "convection";
  spec.source.kind = SourceKind::torchscript;
  spec.source.path = path;
  spec.inputs = std::move(inputs);
  spec.outputs = std::move(outputs);
  return spec;
}

inline std::unique_ptr<Engine> engine_for(const NetworkSpec& spec, const Levels& in, const Levels& out,
                                          const std::string& device = "cpu") {
  return make_torch_engine(spec, make_row_layout(spec.inputs, in), make_row_layout(spec.outputs, out), {}, device, 1);
}

inline at::Tensor run(Engine& engine, const at::Tensor& in, std::int64_t out_len, std::int64_t rows) {
  at::Tensor out = at::full({in.size(0), out_len}, -1.0, in.scalar_type());
  engine.forward(static_cast<const std::byte*>(in.data_ptr()), static_cast<std::byte*>(out.data_ptr()), rows);
  return out;
}

inline at::Tensor run(Engine& engine, const at::Tensor& in, std::int64_t out_len) {
  return run(engine, in, out_len, in.size(0));
}

inline void expect_same_bits(const at::Tensor& a, const at::Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  ASSERT_EQ(a.scalar_type(), b.scalar_type());
  EXPECT_TRUE(at::equal(a, b)) << (a - b).abs().max();
}

}  // namespace ekman
