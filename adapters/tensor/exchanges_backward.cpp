// Implements exchanges.hpp: the way back.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/tensor/array_of_tensor.hpp"
#include "adapters/tensor/arrays.hpp"
#include "adapters/tensor/exchanges.hpp"

namespace ekman {

using torch::autograd::variable_list;

namespace {

torch::autograd::edge_list edges_of(const std::vector<GradientInput>& inputs, const std::shared_ptr<Exchange>& before) {
  torch::autograd::edge_list edges{before == nullptr ? torch::autograd::Edge() : torch::autograd::Edge(before, 0)};
  for (const GradientInput& input : inputs) edges.push_back(input.edge);
  return edges;
}

}  // namespace

Exchange::Exchange(std::weak_ptr<Exchanges> owner, std::string network, std::int64_t step,
                   std::vector<GradientInput> inputs, const std::shared_ptr<Exchange>& before)
    : Node(edges_of(inputs, before)),
      owner_(std::move(owner)),
      network_(std::move(network)),
      step_(step),
      inputs_(std::move(inputs)) {
  add_input_metadata(at::empty({0}));
}

void Exchange::add_output(const std::string& field, const at::Tensor& value) {
  fetched_.push_back(field);
  torch::autograd::impl::set_gradient_edge(value, {shared_from_this(), add_input_metadata(value)});
}

at::Tensor Exchange::link() {
  at::Tensor link = at::empty({0});
  torch::autograd::impl::set_gradient_edge(link, {shared_from_this(), 0});
  return link;
}

at::Tensor Exchange::adjoint_of(const std::string& field, const variable_list& gradients) const {
  at::Tensor sum;
  for (std::size_t i = 0; i < fetched_.size(); ++i) {
    if (fetched_[i] != field || !gradients[i + 1].defined()) continue;
    const at::Tensor gradient = in_memory(gradients[i + 1]);
    if (!sum.defined()) {
      sum = gradient;
      continue;
    }
    // The same points in array order, perhaps of another shape.
    std::vector<std::int64_t> shape(sum.sizes().rbegin(), sum.sizes().rend());
    sum = sum + turned_round(turned_round(gradient).reshape(shape));
  }
  return sum;
}

variable_list Exchange::apply(variable_list&& gradients) {
  const std::shared_ptr<Exchanges> owner = owner_.lock();
  if (owner == nullptr)
    throw Error(
        ErrorCode::usage,
        "the tensor depends on an exchange of a coupler that is finalized; call backward before ekman_finalize");
  const at::NoGradGuard no_grad;
  return owner->go_back(*this, gradients);
}

void Exchanges::begin_backward(bool retain) {
  settle(false);
  const std::vector<TapeFacts> tapes = coupler_.tapes();
  for (const TapeFacts& tape : tapes) {
    if (retain && tape.steps.size() > 1) {
      throw Error(ErrorCode::usage,
                  fmt::format("retain_graph=.true. with {} exchanges of network \"{}\" on its tape, of which only the "
                              "last one can be retained; call backward once, of the sum of the losses",
                              tape.steps.size(), tape.network));
    }
    // Of this step, without a get: a rank without points cannot know that all is put.
    const auto pending = pending_.find(tape.network);
    if (!tape.has_points && pending != pending_.end()) make_node(tape.network, pending->second.step);
  }
  is_going_back_ = true;
  retain_ = retain;
  retained_.clear();
}

bool Exchanges::takes_part() const {
  const std::vector<TapeFacts> tapes = coupler_.tapes();
  return !nodes_.empty() || std::any_of(tapes.begin(), tapes.end(),
                                        [](const TapeFacts& tape) { return !tape.has_points || !tape.steps.empty(); });
}

bool Exchanges::has_gone_back(const std::string& network) const {
  return std::count(retained_.begin(), retained_.end(), network) > 0;
}

void Exchanges::put_adjoint(const std::string& output, const at::Tensor& adjoint) {
  at::Tensor values = adjoint;
  if (!values.defined()) {
    const FieldFacts facts = coupler_.facts_of(output);
    values = at::zeros(shape_with_one_axis_of_points(facts), at::kDouble);
  }
  coupler_.put_adjoint(output, array_of(values), {}, retain_);
}

variable_list Exchanges::go_back(const Exchange& exchange, const variable_list& gradients) {
  if (!is_going_back_)
    throw Error(ErrorCode::internal, "an exchange went back outside a backward; this is a mistake in Ekman");
  const auto is_there = [](const at::Tensor& gradient) { return gradient.defined(); };
  const bool is_linked_only = std::none_of(gradients.begin() + 1, gradients.end(), is_there);
  variable_list by_inputs(exchange.num_outputs());
  complete(exchange.step());
  const TapeFacts tape = tape_of(exchange.network());
  const bool is_known = find(exchange.network(), exchange.step()).get() == &exchange;
  const bool is_taped = std::count(tape.steps.begin(), tape.steps.end(), exchange.step()) > 0;
  if (!is_known || (tape.has_points && !is_taped)) {
    if (is_linked_only) return by_inputs;
    throw Error(ErrorCode::usage,
                fmt::format("the exchange of network \"{}\" in step {} has left the tape, by a backward or zero_grad "
                            "before; give that backward retain_graph=.true., or exchange anew",
                            exchange.network(), exchange.step()));
  }
  if (tape.has_points) {
    if (tape.steps.back() != exchange.step()) {
      throw Error(ErrorCode::internal,
                  fmt::format("the exchange of network \"{}\" in step {} came before that of step {} on the way back; "
                              "this is a mistake in Ekman",
                              exchange.network(), exchange.step(), tape.steps.back()));
    }
    for (const std::string& output : tape.outputs) put_adjoint(output, exchange.adjoint_of(output, gradients));
  }
  for (std::size_t i = 0; i < exchange.inputs().size(); ++i) {
    const GradientInput& input = exchange.inputs()[i];
    const at::ScalarType kind = at::typeMetaToScalarType(input.options.dtype());
    at::Tensor gradient = at::empty_strided(input.shape, fortran_strides(input.shape), at::TensorOptions().dtype(kind));
    if (tape.has_points) coupler_.get_adjoint(input.field, array_of(gradient));
    by_inputs[i + 1] = gradient.to(input.options.device());
  }
  if (retain_) {
    retained_.push_back(exchange.network());
  } else {
    const auto is_it = [&](const auto& node) { return node.get() == &exchange; };
    nodes_.erase(std::remove_if(nodes_.begin(), nodes_.end(), is_it), nodes_.end());
  }
  return by_inputs;
}

// The latest first, whatever the network: ranks with more nodes than this one wait for its adjoints in that order.
void Exchanges::complete(std::int64_t step) {
  for (;;) {
    TapeFacts latest;
    for (TapeFacts& tape : coupler_.tapes()) {
      if (tape.steps.empty() || has_gone_back(tape.network)) continue;
      const std::int64_t last = tape.steps.back();
      if (last < step || find(tape.network, last) != nullptr) continue;
      if (latest.steps.empty() || last > latest.steps.back()) latest = std::move(tape);
    }
    if (latest.steps.empty()) return;
    for (const std::string& output : latest.outputs) put_adjoint(output, at::Tensor());
    if (retain_) retained_.push_back(latest.network);
  }
}

}  // namespace ekman
