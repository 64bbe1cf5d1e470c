// Implements network_tensors.hpp.
#include "adapters/torch/network_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "adapters/torch/torch_message.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/base/mix64.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// While it lives, each parameter has memory of its own and may learn, as one that was never part of a flat buffer. A
// deep copy will not do: it takes views of one buffer for one tensor.
class OwnMemory {
 public:
  explicit OwnMemory(const torch::jit::Module& module) {
    for (const at::Tensor& parameter : module.parameters()) {
      views_.push_back({parameter, parameter.data(), parameter.requires_grad()});
      parameter.set_data(parameter.data().clone());
      parameter.requires_grad_(true);
    }
  }
  ~OwnMemory() {
    for (const View& view : views_) {
      view.parameter.set_data(view.data);
      view.parameter.requires_grad_(view.learns);
    }
  }
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;

 private:
  struct View {
    at::Tensor parameter;
    at::Tensor data;
    bool learns;
  };
  std::vector<View> views_;
};

}  // namespace

std::uint64_t fingerprint_of(const std::vector<NamedParameter>& tensors) {
  std::uint64_t hash = 0;
  for (const NamedParameter& entry : tensors) {
    const at::Tensor values = entry.tensor.detach().to(at::kCPU).contiguous();
    const auto* bytes = static_cast<const char*>(values.data_ptr());
    for (std::size_t place = 0; place < values.nbytes(); place += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes + place, std::min(sizeof word, values.nbytes() - place));
      hash = mix64(hash ^ word);
    }
  }
  return hash;
}

std::string summary_of(const std::vector<NamedParameter>& parameters) {
  std::int64_t learn = 0, frozen = 0;
  std::vector<std::string> names;
  for (const NamedParameter& parameter : parameters) {
    if (parameter.tensor.requires_grad()) {
      learn += parameter.tensor.numel();
    } else {
      frozen += parameter.tensor.numel();
      names.push_back(parameter.name);
    }
  }
  const std::string all = fmt::format("{} parameters in {} tensors", learn + frozen, parameters.size());
  if (names.empty()) return all + ": all learn";
  return fmt::format("{}: {} learn, {} are frozen ({})", all, learn, frozen, joined(names, ", "));
}

std::string script_bytes(const torch::jit::Module& module) {
  try {
    // Not to a file: the writer of LibTorch 1.13 ends the process when its disk is full.
    std::ostringstream bytes;
    const OwnMemory own(module);
    module.save(bytes);
    return bytes.str();
  } catch (const std::exception& error) {
    throw Error(ErrorCode::internal,
                fmt::format("LibTorch cannot write the network as TorchScript: {}; see whether Python can save it, and "
                            "whether there is memory left",
                            torch_message(error)));
  }
}

}  // namespace ekman
