// LibTorch's graph over the exchanges of a coupler: each exchange of a network with a tape is a node, whose gradients
// go through the ML ranks. A backward is collective: all ranks take the exchanges on their tapes off in the same order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "ekman/coupler.hpp"

namespace ekman {

// An input that was put as a tensor, and where its gradient goes.
struct GradientInput {
  std::string field;
  torch::autograd::Edge edge;
  at::TensorOptions options;
  std::vector<std::int64_t> shape;
};

class Exchanges;

// One exchange. Its gradients come in behind one of no elements, the link, by which the exchange after it is run first;
// and leave behind one to the exchange before.
class Exchange : public torch::autograd::Node {
 public:
  Exchange(std::weak_ptr<Exchanges> owner, std::string network, std::int64_t step, std::vector<GradientInput> inputs,
           const std::shared_ptr<Exchange>& before);

  const std::string& network() const { return network_; }
  std::int64_t step() const { return step_; }
  const std::vector<GradientInput>& inputs() const { return inputs_; }
  // `value` becomes the output `field` of this exchange.
  void add_output(const std::string& field, const at::Tensor& value);
  // Of no elements; a backward of it runs this exchange and those before.
  at::Tensor link();
  // The sum of `gradients` of output `field`; undefined if there is none.
  at::Tensor adjoint_of(const std::string& field, const torch::autograd::variable_list& gradients) const;

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override;
  std::string name() const override { return "EkmanExchange"; }

 private:
  std::weak_ptr<Exchanges> owner_;
  std::string network_;
  std::int64_t step_;
  std::vector<GradientInput> inputs_;
  std::vector<std::string> fetched_;  // field of each gradient behind the link
};

// For the thread that made the coupler.
class Exchanges : public std::enable_shared_from_this<Exchanges> {
 public:
  explicit Exchanges(Coupler& coupler) : coupler_(coupler) {}
  // Made at the first call; lives as long as the coupler.
  static std::shared_ptr<Exchanges> of(Coupler& coupler);
  // Of all couplers of this process that have met a tensor.
  static std::vector<std::shared_ptr<Exchanges>> all();

  void put(const std::string& field, const at::Tensor& tensor);
  // An empty shape follows from the field's axes; of kind undefined: that in which its values travel.
  at::Tensor get(const std::string& field, std::vector<std::int64_t> shape, at::ScalarType kind);
  // The sum over all ranks of the component. Its gradient is that of the sum, on each.
  at::Tensor global_sum(const at::Tensor& tensor);

  // A backward begins, and ends, whether it fails or not. Throws Error if the tapes cannot be retained.
  void begin_backward(bool retain);
  void end_backward() { is_going_back_ = false; }
  // Exchanges take part in this rank's backwards, whatever its loss depends on.
  bool takes_part() const;
  // Null if no exchange of this rank is a node.
  std::shared_ptr<Exchange> last() const { return nodes_.empty() ? nullptr : nodes_.back(); }
  // The pass of one exchange: from the gradients of its outputs to those of its inputs, behind an undefined one.
  torch::autograd::variable_list go_back(const Exchange& exchange, const torch::autograd::variable_list& gradients);
  // Takes exchanges that are no nodes off, down to those of model step `step`, with adjoints of zeros.
  void complete(std::int64_t step);

 private:
  struct Pending {
    std::int64_t step = 0;
    std::vector<GradientInput> inputs;
  };

  TapeFacts tape_of(const std::string& network) const;
  std::string taped_network_of(const FieldFacts& facts, const std::string& field) const;
  std::shared_ptr<Exchange> find(const std::string& network, std::int64_t step) const;
  void make_node(const std::string& network, std::int64_t step);
  void settle(bool with_this_step);
  bool has_gone_back(const std::string& network) const;
  void put_adjoint(const std::string& output, const at::Tensor& adjoint);

  Coupler& coupler_;
  std::map<std::string, Pending> pending_;        // by network: of exchanges that are no nodes yet
  std::vector<std::shared_ptr<Exchange>> nodes_;  // on the tape, in the order in which they were made
  bool is_going_back_ = false;
  bool retain_ = false;
  std::vector<std::string> retained_;  // networks whose exchange has had its pass in a backward that retains
};

}  // namespace ekman
