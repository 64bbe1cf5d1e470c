// Implements linear_layers.hpp. LibTorch's own passes do so beside convolutions only.
#include "adapters/torch/linear_layers.hpp"

#include <ATen/Config.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <vector>

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

// What oneDNN can take as a weight, or an undefined tensor.
at::Tensor constant_of(const Value* value) {
  const c10::optional<torch::jit::IValue> constant = torch::jit::toIValue(value);
  if (!constant || !constant->isTensor()) return {};
  const at::Tensor tensor = constant->toTensor();
  const bool fits = tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat && !tensor.is_mkldnn();
  return fits ? tensor.detach() : at::Tensor();
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
    for (Node* dense : dense_) join(dense);
    return num_rewritten_;
  }

 private:
  Value* attribute(const char* what, const at::Tensor& tensor) {
    const std::string name = std::string("onednn_") + what + std::to_string(num_rewritten_);
    module_.register_attribute(name, at::TensorType::get(), tensor);
    return graph_->insertGetAttr(graph_->inputs()[0], name);
  }

  Value* insert(const char* name, at::ArrayRef<torch::jit::NamedValue> inputs) {
    return graph_->insert(c10::Symbol::fromQualString(name), inputs);
  }

  void rewrite(Node* layer) {
    const at::Tensor weight = constant_of(layer->input(1));
    const bool has_bias = !layer->input(2)->mustBeNone();
    const at::Tensor bias = has_bias ? constant_of(layer->input(2)) : at::Tensor();
    if (!weight.defined() || weight.dim() != 2 || (has_bias && !bias.defined())) return;
    const torch::jit::WithInsertPoint here(layer);
    Value* in = insert("aten::to_mkldnn", {layer->input(0)});
    Value* bias_value = has_bias ? attribute("bias", bias) : graph_->insertConstant(torch::jit::IValue());
    Value* out = insert("aten::mkldnn_linear", {in, attribute("weight", weight.to_mkldnn()), bias_value});
    Value* replaced = layer->output();
    Node* user = replaced->uses().size() == 1 ? replaced->uses()[0].user : nullptr;
    const bool rectified = user != nullptr && (is(user, "aten::relu") || is(user, "aten::relu_"));
    if (rectified) {
      out = insert("aten::relu_", {out});
      replaced = user->output();
    }
    Value* dense = insert("aten::to_dense", {out});
    replaced->replaceAllUsesWith(dense);
    if (rectified) user->destroy();
    layer->destroy();
    dense_.push_back(dense->node());
    ++num_rewritten_;
  }

  // One layer hands over to the next without a copy in between.
  void join(Node* dense) {
    std::vector<Node*> next;
    for (const torch::jit::Use& use : dense->output()->uses()) {
      if (is(use.user, "aten::to_mkldnn")) next.push_back(use.user);
    }
    for (Node* user : next) {
      user->output()->replaceAllUsesWith(dense->input(0));
      user->destroy();
    }
    if (dense->output()->uses().empty()) dense->destroy();
  }

  torch::jit::Module& module_;
  std::shared_ptr<Graph> graph_;
  std::vector<Node*> dense_;
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

int run_linear_in_onednn(torch::jit::Module& frozen) { return at::hasMKLDNN() ? LinearRewriter(frozen).run() : 0; }

}  // namespace ekman
