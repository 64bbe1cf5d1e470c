// Implements exchanges.hpp: puts, gets and sums, and the nodes that they make.
#include "adapters/tensor/exchanges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/tensor/array_of_tensor.hpp"
#include "adapters/tensor/arrays.hpp"

namespace ekman {

namespace {

std::vector<std::weak_ptr<Exchanges>>& known_exchanges() {
  static std::vector<std::weak_ptr<Exchanges>> known;
  return known;
}

std::vector<std::int64_t> shape_of(const std::string& field, const FieldFacts& facts) {
  if (std::count(facts.axes.begin(), facts.axes.end(), 'p') != 1) {
    throw Error(ErrorCode::usage,
                fmt::format("the axes \"{}\" of field \"{}\" do not tell the shape of the tensor; pass shape=",
                            facts.axes, field));
  }
  return shape_with_one_axis_of_points(facts);
}

// Adds up over ranks; its gradient passes as it is, since all ranks have the same sum of one loss.
class GlobalSum : public torch::autograd::Node {
 public:
  explicit GlobalSum(torch::autograd::edge_list&& edges) : Node(std::move(edges)) {}
  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    return std::move(gradients);
  }
  std::string name() const override { return "EkmanGlobalSum"; }
};

}  // namespace

std::shared_ptr<Exchanges> Exchanges::of(Coupler& coupler) {
  std::shared_ptr<void>& companion = coupler.companion();
  if (companion == nullptr) {
    auto made = std::make_shared<Exchanges>(coupler);
    known_exchanges().push_back(made);
    companion = std::move(made);
  }
  return std::static_pointer_cast<Exchanges>(companion);
}

std::vector<std::shared_ptr<Exchanges>> Exchanges::all() {
  std::vector<std::shared_ptr<Exchanges>> alive;
  for (const std::weak_ptr<Exchanges>& known : known_exchanges())
    if (auto exchanges = known.lock()) alive.push_back(std::move(exchanges));
  return alive;
}

// The one network with a tape that takes the field as an input: where its gradient comes from.
std::string Exchanges::taped_network_of(const FieldFacts& facts, const std::string& field) const {
  std::vector<std::string> taped;
  for (const TapeFacts& tape : coupler_.tapes()) {
    if (std::count(facts.inputs_of.begin(), facts.inputs_of.end(), tape.network) > 0) taped.push_back(tape.network);
  }
  if (taped.empty()) {
    throw Error(ErrorCode::usage,
                fmt::format("the tensor requires gradients, and no network that keeps a tape has field \"{}\" as an "
                            "input; give its network a `tape` in the plan, or put detach(x)",
                            field));
  }
  if (taped.size() > 1) {
    throw Error(ErrorCode::usage,
                fmt::format("the tensor requires gradients, and field \"{}\" is an input of several networks with a "
                            "tape (\"{}\", \"{}\"); give each network an input field of its own name",
                            field, taped[0], taped[1]));
  }
  return taped.front();
}

void Exchanges::put(const std::string& field, const at::Tensor& tensor) {
  const bool wants_gradient = tensor.requires_grad() && at::GradMode::is_enabled();
  const std::string network = wants_gradient ? taped_network_of(coupler_.facts_of(field), field) : "";
  settle(false);
  const at::Tensor values = in_memory(tensor);
  coupler_.put(field, array_of(values));
  if (!wants_gradient) return;
  Pending& pending = pending_[network];
  if (pending.step != coupler_.step()) pending = {coupler_.step(), {}};
  pending.inputs.push_back(
      {field, torch::autograd::impl::gradient_edge(tensor), tensor.options(), tensor.sizes().vec()});
}

at::Tensor Exchanges::get(const std::string& field, std::vector<std::int64_t> shape, at::ScalarType kind) {
  const FieldFacts facts = coupler_.facts_of(field);
  if (shape.empty()) shape = shape_of(field, facts);
  if (kind == compat::k_undefined) kind = facts.travels_as == ElementKind::real64 ? at::kDouble : at::kFloat;
  at::Tensor value;
  {
    const at::NoGradGuard no_grad;
    value = at::empty_strided(shape, fortran_strides(shape), at::TensorOptions().dtype(kind)).zero_();
  }
  coupler_.get(field, array_of(value));
  const std::vector<TapeFacts> tapes = coupler_.tapes();
  const auto tape =
      std::find_if(tapes.begin(), tapes.end(), [&](const TapeFacts& one) { return one.network == facts.output_of; });
  if (tape == tapes.end() || !at::GradMode::is_enabled()) return value;
  settle(true);
  const std::int64_t step = coupler_.step();
  if (find(facts.output_of, step) == nullptr) make_node(facts.output_of, step);
  find(facts.output_of, step)->add_output(field, value);
  return value;
}

at::Tensor Exchanges::global_sum(const at::Tensor& tensor) {
  if (tensor.scalar_type() != at::kFloat && tensor.scalar_type() != at::kDouble)
    throw Error(ErrorCode::usage, "the tensor is neither real32 nor real64; convert it by to(a, kind=tensor_real64)");
  at::Tensor sum;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor values = in_memory(tensor);
    sum = at::empty_strided(values.sizes(), fortran_strides(values.sizes()), values.options()).copy_(values);
    coupler_.global_sum(array_of(sum));
    sum = sum.to(tensor.device());
  }
  if (!tensor.requires_grad() || !at::GradMode::is_enabled()) return sum;
  auto node = std::shared_ptr<GlobalSum>(new GlobalSum(torch::autograd::collect_next_edges(tensor)),
                                         torch::autograd::deleteNode);
  torch::autograd::impl::set_gradient_edge(sum, {node, node->add_input_metadata(sum)});
  return sum;
}

TapeFacts Exchanges::tape_of(const std::string& network) const {
  for (TapeFacts& tape : coupler_.tapes())
    if (tape.network == network) return std::move(tape);
  throw Error(ErrorCode::internal, fmt::format("network \"{}\" has no tape; this is a mistake in Ekman", network));
}

std::shared_ptr<Exchange> Exchanges::find(const std::string& network, std::int64_t step) const {
  for (const auto& node : nodes_)
    if (node->network() == network && node->step() == step) return node;
  return nullptr;
}

void Exchanges::make_node(const std::string& network, std::int64_t step) {
  std::vector<GradientInput> inputs;
  const auto pending = pending_.find(network);
  if (pending != pending_.end() && pending->second.step == step) inputs = std::move(pending->second.inputs);
  if (pending != pending_.end()) pending_.erase(pending);
  nodes_.push_back(std::shared_ptr<Exchange>(new Exchange(weak_from_this(), network, step, std::move(inputs), last()),
                                             torch::autograd::deleteNode));
}

// Exchanges whose inputs are all put become nodes: those of this step only on request, and else where an input wants a
// gradient. In the order of the plan, so that all ranks agree whichever output each gets first. Those that have left
// the tape are forgotten.
void Exchanges::settle(bool with_this_step) {
  const std::vector<TapeFacts> tapes = coupler_.tapes();
  const std::int64_t now = coupler_.step();
  for (const TapeFacts& tape : tapes) {
    // Without points a rank knows of no exchange, but of how many there may be.
    std::int64_t more = -tape.length;
    for (const auto& node : nodes_) more += node->network() == tape.network ? 1 : 0;
    const auto is_over = [&](const auto& node) {
      if (node->network() != tape.network) return false;
      if (!tape.has_points) return more-- > 0;
      return std::count(tape.steps.begin(), tape.steps.end(), node->step()) == 0;
    };
    nodes_.erase(std::remove_if(nodes_.begin(), nodes_.end(), is_over), nodes_.end());
    const auto pending = pending_.find(tape.network);
    const std::int64_t asked = pending == pending_.end() ? 0 : pending->second.step;
    const bool is_there = tape.has_points ? std::count(tape.steps.begin(), tape.steps.end(), asked) > 0 : asked < now;
    if (asked > 0 && is_there && find(tape.network, asked) == nullptr) make_node(tape.network, asked);
    const bool is_now = tape.has_points && !tape.steps.empty() && tape.steps.back() == now;
    if (with_this_step && is_now && find(tape.network, now) == nullptr) make_node(tape.network, now);
  }
}

}  // namespace ekman
