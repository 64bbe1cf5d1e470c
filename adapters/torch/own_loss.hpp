// A loss of the user's own, in TorchScript: loss(outputs, targets, inputs) -> one value for each sample.
#pragma once

#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/loss_method.hpp"
#include "adapters/torch/row_normalization.hpp"
#include "coupler/engine/engine.hpp"

namespace ekman {

// Rows of a tile: `in` and `truth` as they came, `out` as the network returned it, all of the compute kind; `weights`
// [rows], none negative, 0 for rows that have no part.
struct LossRows {
  at::Tensor in;
  at::Tensor truth;
  at::Tensor out;
  at::Tensor weights;
  bool all_alike = false;  // every weight is 1, so that nothing has to be masked
};

// Each of its three arguments is, as its schema says, a Dict[str, Tensor] by field, [samples, levels] or for grids
// [samples, levels, ny, nx], or one tensor with all fields side by side, [samples, values] or [samples, values, ny,
// nx]. Targets go by the names of their outputs; inputs are those of the network, then `extra`. All in physical units.
//
// It gets the samples that have a weight, and no others. At points of a grid without weight, outputs pass no gradient,
// the target is the output, inputs have their mean, and extra fields are 0. A sample weighs what its points weigh
// together.
class OwnLoss {
 public:
  // `script` is the network's, or null if it has none. Throws Error(network).
  OwnLoss(const NetworkSpec& spec, const LossTerm& term, const RowLayout& in, const RowLayout& out,
          const RowLayout& truth, const torch::jit::Module* script, at::TensorOptions options);

  // The sum over samples of weight times loss, []. Throws Error(network).
  at::Tensor weighted(const LossRows& rows) const;

  // For one whose value on a tile that counts has no gradient: throws Error(network).
  [[noreturn]] void fail_without_gradient() const;

 private:
  // Columns of one of the three sides, under the name that the loss sees.
  struct Field {
    std::string name;
    FieldSlot slot;
    bool of_truth = false;
  };

  void find_fields(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out, const RowLayout& truth);
  at::IValue argument(std::size_t which, const std::vector<at::Tensor>& columns) const;
  at::Tensor call(std::vector<at::IValue> arguments, std::int64_t samples) const;
  at::Tensor per_sample(const at::Tensor& columns) const;
  [[noreturn]] void fail(const std::string& what) const;

  LossTerm term_;
  LossMethod method_;
  std::vector<Field> outputs_, targets_, inputs_;
  RowNormalization in_constants_, out_constants_;
  std::int64_t rows_per_sample_;
  std::int64_t grid_ny_, grid_nx_;
};

}  // namespace ekman
