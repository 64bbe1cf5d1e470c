// Implements linear_layers.hpp. LibTorch's own passes do so beside convolutions only.
#include "adapters/torch/linear_layers.hpp"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <string>
#include <vector>

#include "adapters/torch/linear_product.hpp"

namespace ekman {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

template <class Visit>
void visit_nodes(const Block* block, const Visit& visit) {
  for (const Node* node : block->nodes()) {
    visit(node);
    for (const Block* inner : node->blocks()) visit_nodes(inner, visit);
  }
}

bool is(const Node* node, const char* name) { return node->kind() == c10::Symbol::fromQualString(name); }

// A matrix or vector that run_linear() can take, or an undefined tensor.
at::Tensor constant_of(const Value* value) {
  const c10::optional<torch::jit::IValue> constant = torch::jit::toIValue(value);
  if (!constant || !constant->isTensor()) return {};
  const at::Tensor tensor = constant->toTensor();
  const bool fits = !tensor.is_mkldnn() && has_linear_product(tensor.device(), tensor.scalar_type());
  return fits ? tensor.detach() : at::Tensor();
}

constexpr const char* k_linear = "ekman::linear";

// x: [..., inputs] -> [..., outputs].
at::Tensor linear(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias, std::int64_t outputs,
                  bool rectify) {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  const std::int64_t inputs = sizes.back();
  sizes.back() = 1;
  const std::int64_t num_rows = c10::multiply_integers(sizes);
  sizes.back() = outputs;
  const at::Tensor rows = x.reshape({num_rows, inputs}).contiguous();
  const at::Tensor out = at::empty({num_rows, outputs}, x.options());
  run_linear(out, rows, panels, bias, rectify);
  return out.view(sizes);
}

// Libraries of Ekman that are in one process have this code each, and one list of operators.
void define_linear() {
  if (!torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(k_linear)).empty()) return;
  torch::jit::registerOperator(torch::jit::Operator(
      std::string(k_linear) + "(Tensor x, Tensor panels, Tensor? bias, int outputs, bool rectify) -> Tensor",
      [](torch::jit::Stack& stack) {
        const bool rectify = torch::jit::pop(stack).toBool();
        const std::int64_t outputs = torch::jit::pop(stack).toInt();
        const at::IValue bias = torch::jit::pop(stack);
        const at::Tensor panels = torch::jit::pop(stack).toTensor(), x = torch::jit::pop(stack).toTensor();
        torch::jit::push(stack, linear(x, panels, bias.isNone() ? at::Tensor() : bias.toTensor(), outputs, rectify));
      },
      c10::AliasAnalysisKind::PURE_FUNCTION));
}

class LinearRewriter {
 public:
  explicit LinearRewriter(torch::jit::Module& frozen) : module_(frozen), graph_(frozen.get_method("forward").graph()) {}

  int run() {
    std::vector<Node*> layers;
    visit_nodes(graph_->block(), [&](const Node* node) {
      if (is(node, "aten::linear")) layers.push_back(const_cast<Node*>(node));
    });
    for (Node* layer : layers) rewrite(layer);
    return num_rewritten_;
  }

 private:
  Value* attribute(const char* what, const at::Tensor& tensor) {
    const std::string name = std::string("panels_") + what + std::to_string(num_rewritten_);
    module_.register_attribute(name, at::TensorType::get(), tensor);
    return graph_->insertGetAttr(graph_->inputs()[0], name);
  }

  void rewrite(Node* layer) {
    const at::Tensor weight = constant_of(layer->input(1));
    const bool has_bias = !layer->input(2)->mustBeNone();
    const at::Tensor bias = has_bias ? constant_of(layer->input(2)) : at::Tensor();
    if (!weight.defined() || weight.dim() != 2 || (has_bias && !bias.defined())) return;
    const torch::jit::WithInsertPoint here(layer);
    Value* bias_value = has_bias ? attribute("bias", bias.contiguous()) : graph_->insertConstant(torch::jit::IValue());
    Value* replaced = layer->output();
    Node* user = replaced->uses().size() == 1 ? replaced->uses()[0].user : nullptr;
    // In a loop behind the layer, each round has a tensor of its own.
    const bool rectified = user != nullptr && user->owningBlock() == layer->owningBlock() &&
                           (is(user, "aten::relu") || is(user, "aten::relu_"));
    if (rectified) replaced = user->output();
    Value* out = graph_->insert(c10::Symbol::fromQualString(k_linear),
                                {layer->input(0), attribute("weight", panels_of(weight)), bias_value,
                                 graph_->insertConstant(weight.size(0)), graph_->insertConstant(rectified)});
    replaced->replaceAllUsesWith(out);
    if (rectified) user->destroy();
    layer->destroy();
    ++num_rewritten_;
  }

  torch::jit::Module& module_;
  std::shared_ptr<Graph> graph_;
  int num_rewritten_ = 0;
};

}  // namespace

LayerCounts layers_of(const Graph& graph) {
  LayerCounts counts;
  visit_nodes(graph.block(), [&](const Node* node) {
    const std::string kind = node->kind().toQualString();
    if (kind == "aten::linear") ++counts.linear;
    if (kind.find("conv") != std::string::npos) ++counts.convolutions;
    if (kind.rfind("aten::fft_", 0) == 0 || kind.rfind("aten::stft", 0) == 0) ++counts.fourier;
    if (kind == "aten::index" || kind == "aten::nonzero" || kind == "aten::masked_select") ++counts.selections;
  });
  return counts;
}

int run_linear_in_panels(torch::jit::Module& frozen) {
  define_linear();
  return LinearRewriter(frozen).run();
}

}  // namespace ekman
