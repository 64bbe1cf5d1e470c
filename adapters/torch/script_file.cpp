// A TorchScript file is a zip archive: what is wrong with one is found out before LibTorch sees it, if it can
// be.
#include "adapters/torch/script_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "adapters/torch/sha256.hpp"
#include "adapters/torch/torch_message.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// Where a file comes from, for messages: `who` stands before its path, `key` is what names it.
struct Origin {
  std::string who;
  std::string key;
};

void check_file(const Origin& origin, const std::string& path) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::network, fmt::format("{} {} {}", origin.who, path, what));
  };
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (!std::filesystem::exists(status)) fail(fmt::format("does not exist; check {} in the plan", origin.key));
  if (!std::filesystem::is_regular_file(status))
    fail("is not a file; `torchscript` needs the path of a TorchScript file");
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot be opened; check its permissions");
  std::string magic(4, '\0');
  file.read(magic.data(), 4);
  magic.resize(static_cast<std::size_t>(file.gcount()));
  if (magic.empty()) fail("is empty; copy it again, or write it with torch.jit.script(net).save(path)");
  if (magic != "PK\x03\x04") {
    fail(
        "is not a TorchScript file; write it with torch.jit.script(net).save(path) or torch.jit.trace(net, "
        "example).save(path)");
  }
}

void check_sha256(const NetworkSpec& spec) {
  std::string asked = spec.source.sha256;
  if (asked.empty()) return;
  std::transform(asked.begin(), asked.end(), asked.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string found = sha256_of_file(spec.source.path);
  if (found == asked) return;
  throw Error(ErrorCode::network, fmt::format("network \"{}\": {} has the SHA-256 {}, but the plan asks for {}; it is "
                                              "another file than the plan was written for: put the right one "
                                              "there, or change `sha256`",
                                              spec.name, spec.source.path, found, asked));
}

// Module::to(dtype) would convert integer buffers too.
void convert_weights(torch::jit::Module& module, at::ScalarType kind) {
  const auto convert = [kind](at::Tensor tensor) {
    if (tensor.is_floating_point() && tensor.scalar_type() != kind) tensor.set_data(tensor.detach().to(kind));
  };
  for (const at::Tensor& parameter : module.parameters()) convert(parameter);
  for (const at::Tensor& buffer : module.buffers()) convert(buffer);
}

torch::jit::Module read_script(const Origin& origin, const std::string& path, at::Device device, at::ScalarType kind) {
  try {
    // Straight onto the device: Module::to() would leave the constants of a frozen file behind.
    torch::jit::Module module = torch::jit::load(path, device);
    compat::set_training(module, false);
    convert_weights(module, kind);
    return module;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("{} {} cannot be read: {}; copy it again if it is truncated, or write it with "
                            "torch.jit.script(net).save(path) or torch.jit.trace(net, example).save(path)",
                            origin.who, path, torch_message(error)));
  }
}

}  // namespace

torch::jit::Module load_script(const NetworkSpec& spec, at::Device device, at::ScalarType kind) {
  const Origin origin{fmt::format("network \"{}\":", spec.name), "`torchscript`"};
  check_file(origin, spec.source.path);
  check_sha256(spec);
  return read_script(origin, spec.source.path, device, kind);
}

torch::jit::Module load_loss_script(const NetworkSpec& spec, const std::string& path, at::Device device,
                                    at::ScalarType kind) {
  const Origin origin{fmt::format("network \"{}\": the loss", spec.name), "`torchscript` under `loss`"};
  check_file(origin, path);
  return read_script(origin, path, device, kind);
}

}  // namespace ekman
