// A TorchScript file is a zip archive: what is wrong with one is found out before LibTorch sees it, if it can
// be.
#include "adapters/torch/script_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/torch/torch_message.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/base/sha256.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// Where a file comes from, for messages: `who` stands before its path, `key` is what names it.
struct Origin {
  std::string who;
  std::string key;
};

const Origin k_no_plan{"the file", "its name"};

void check_file(const Origin& origin, const std::string& path) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::network, fmt::format("{} {} {}", origin.who, path, what));
  };
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (!std::filesystem::exists(status)) fail(fmt::format("does not exist; check {}", origin.key));
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

// Module::to(dtype) would convert integer buffers too.
void convert_weights(torch::jit::Module& module, at::ScalarType kind) {
  const auto convert = [kind](at::Tensor tensor) {
    const at::ScalarType wanted = tensor.is_complex() ? c10::toComplexType(kind) : kind;
    if ((tensor.is_floating_point() || tensor.is_complex()) && tensor.scalar_type() != wanted)
      tensor.set_data(tensor.detach().to(wanted));
  };
  for (const at::Tensor& parameter : module.parameters()) convert(parameter);
  for (const at::Tensor& buffer : module.buffers()) convert(buffer);
}

torch::jit::Module load_module(const Origin& origin, const std::string& path, at::Device device) {
  try {
    // Straight onto the device: Module::to() would leave the constants of a frozen file behind.
    return torch::jit::load(path, device);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("{} {} cannot be read: {}; copy it again if it is truncated, or write it with "
                            "torch.jit.script(net).save(path) or torch.jit.trace(net, example).save(path)",
                            origin.who, path, torch_message(error)));
  }
}

torch::jit::Module read_script(const Origin& origin, const std::string& path, at::Device device, at::ScalarType kind) {
  torch::jit::Module module = load_module(origin, path, device);
  compat::set_training(module, false);
  convert_weights(module, kind);
  return module;
}

// As Python has them.
std::string kind_words(at::ScalarType kind) {
  switch (kind) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    case at::kLong:
      return "int64";
    default:
      return at::toString(kind);
  }
}

// A line for each tensor below one with their sum.
template <class NamedTensors>
void describe(const char* what, const NamedTensors& tensors, std::vector<std::string>& lines) {
  const std::size_t place = lines.size();
  std::int64_t values = 0, count = 0;
  for (const auto& tensor : tensors) {
    values += tensor.value.numel();
    ++count;
    lines.push_back(fmt::format("    {:<32} {} [{}]", tensor.name, kind_words(tensor.value.scalar_type()),
                                joined(tensor.value.sizes(), ", ")));
  }
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(place),
               fmt::format("{}: {} values in {} tensors", what, values, count));
}

}  // namespace

std::vector<std::string> describe_script(const std::string& path) {
  check_file(k_no_plan, path);
  const torch::jit::Module module = load_module(k_no_plan, path, at::kCPU);
  std::vector<std::string> lines{
      fmt::format("class {}, {}", module.type()->name() ? module.type()->name()->qualifiedName() : "without a name",
                  !module.hasattr("training") ? "frozen"
                  : module.is_training()      ? "in train mode"
                                              : "in eval mode")};
  for (const torch::jit::Method& method : module.get_methods()) {
    std::ostringstream schema;
    schema << method.function().getSchema();
    lines.push_back(schema.str());
  }
  describe("parameters", module.named_parameters(), lines);
  if (module.named_buffers().size() > 0) describe("buffers", module.named_buffers(), lines);
  lines.push_back("sha256: " + sha256_of_file(path));
  return lines;
}

void check_sha256(const NetworkSpec& spec) {
  std::string asked = spec.source.sha256;
  if (asked.empty()) return;
  std::transform(asked.begin(), asked.end(), asked.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string found = sha256_of_file(spec.source.path);
  if (found == asked) return;
  if (!spec.source.artifact.empty())
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\": {} has the SHA-256 {}, but the manifest of its artifact "
                            "has {}; all ranks must see the same directory: copy it again",
                            spec.name, spec.source.path, found, asked));
  throw Error(ErrorCode::network, fmt::format("network \"{}\": {} has the SHA-256 {}, but the plan asks for {}; it is "
                                              "another file than the plan was written for: put the right one "
                                              "there, or change `sha256`",
                                              spec.name, spec.source.path, found, asked));
}

torch::jit::Module load_script(const NetworkSpec& spec, at::Device device, at::ScalarType kind) {
  const Origin origin{fmt::format("network \"{}\":", spec.name), "`torchscript` in the plan"};
  check_file(origin, spec.source.path);
  check_sha256(spec);
  return read_script(origin, spec.source.path, device, kind);
}

torch::jit::Module load_plain_script(const std::string& path, at::Device device) {
  check_file(k_no_plan, path);
  torch::jit::Module module = load_module(k_no_plan, path, device);
  compat::set_training(module, false);
  return module;
}

torch::jit::Module load_loss_script(const NetworkSpec& spec, const std::string& path, at::Device device,
                                    at::ScalarType kind) {
  const Origin origin{fmt::format("network \"{}\": the loss", spec.name), "`torchscript` under `loss` in the plan"};
  check_file(origin, path);
  return read_script(origin, path, device, kind);
}

}  // namespace ekman
