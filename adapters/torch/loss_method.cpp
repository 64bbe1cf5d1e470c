// Implements loss_method.hpp.
#include "adapters/torch/loss_method.hpp"

#include <fmt/format.h>

#include "adapters/torch/script_file.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr const char* k_arguments[] = {"outputs", "targets", "inputs"};

torch::jit::Module load_loss(const NetworkSpec& spec, const LossTerm& term, at::TensorOptions options) {
  const at::ScalarType kind = at::typeMetaToScalarType(options.dtype());
  torch::jit::Module module = load_loss_script(spec, term.source, options.device(), kind);
  for (const at::Tensor& parameter : module.parameters()) parameter.requires_grad_(false);
  return module;
}

void find_forms(LossMethod& loss) {
  const auto fail = [&](const std::string& what) { throw Error(ErrorCode::network, loss.who + " " + what); };
  const auto method = loss.module.find_method(loss.name);
  if (!method) fail("does not exist; save the file with this method, exported with @torch.jit.export");
  const auto& arguments = method->function().getSchema().arguments();
  if (arguments.size() != 4) {
    fail(fmt::format("takes {} arguments; it must take three: outputs, targets, inputs", arguments.size() - 1));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string type = arguments[i + 1].type()->str();
    if (type != "Tensor" && type != "Dict(str, Tensor)") {
      fail(fmt::format("takes {} as {}; each argument must be a Tensor or a Dict[str, Tensor]", k_arguments[i], type));
    }
    loss.forms[i] = type == "Tensor" ? LossForm::tensor : LossForm::dict;
  }
}

}  // namespace

LossMethod open_loss(const NetworkSpec& spec, const LossTerm& term, const torch::jit::Module* script,
                     at::TensorOptions options) {
  LossMethod loss;
  if (term.kind == LossKind::torchscript) {
    loss.who = fmt::format("network \"{}\": the loss forward() of {}", spec.name, term.source);
    loss.module = load_loss(spec, term, options);
    loss.name = "forward";
  } else if (script != nullptr) {
    loss.who = fmt::format("network \"{}\": the loss {}() of {}", spec.name, term.source, spec.source.path);
    loss.module = *script;
    loss.name = term.source;
  } else {
    throw Error(ErrorCode::network, fmt::format("network \"{}\" has no method {}() for a loss: it is no TorchScript "
                                                "file; take {{torchscript: FILE}} for the loss, or for the network",
                                                spec.name, term.source));
  }
  find_forms(loss);
  return loss;
}

}  // namespace ekman
