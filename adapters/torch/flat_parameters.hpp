// The parameters of a network that learn, and their gradients, as views of two flat buffers: one reduction over ranks,
// one optimizer step, one write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

struct NamedParameter {
  std::string name;
  at::Tensor tensor;
};

class FlatParameters {
 public:
  // Re-points the data of `parameters` to one buffer of reals, complex ones first and else in their order, and gives
  // each a gradient of zeros that stays attached through backward. All of one width and device, at least one.
  explicit FlatParameters(std::vector<NamedParameter> parameters);

  const std::vector<NamedParameter>& parameters() const { return parameters_; }
  // [size], sharing memory with the parameters; its grad() shares that of their gradients.
  at::Tensor& values() { return values_; }
  const at::Tensor& values() const { return values_; }
  at::Tensor gradient() const { return values_.grad(); }
  std::int64_t size() const { return values_.numel(); }
  // The part of each parameter in `flat`, [size]: a view with its shape, of a complex one with a last extent of 2.
  std::vector<at::Tensor> cut(const at::Tensor& flat) const;

 private:
  std::vector<NamedParameter> parameters_;
  at::Tensor values_;
};

// All mistakes in `trainable` and `frozen` of a network with these parameters: patterns that match none, parameters
// under both, such as cannot learn, or none left that learns. The last one lists the names there are. Each path is one
// below `training`, such as "frozen[0]".
std::vector<Problem> selection_problems(const std::vector<NamedParameter>& all,
                                        const std::vector<std::string>& trainable,
                                        const std::vector<std::string>& frozen);

// Which of `all` learn: those that match a pattern of `trainable` and none of `frozen`; `*` stands for any characters,
// and alone for all that are not frozen. The rest get requires_grad false. Throws Error(plan) with all problems.
std::vector<NamedParameter> select_trainable(const std::string& network, std::vector<NamedParameter> all,
                                             const std::vector<std::string>& trainable,
                                             const std::vector<std::string>& frozen);

}  // namespace ekman
