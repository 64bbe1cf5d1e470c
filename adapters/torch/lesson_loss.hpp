// The loss of a tile: all terms of the plan, LibTorch's and the user's own.
#pragma once

#include <string>
#include <vector>

#include "adapters/torch/own_loss.hpp"

namespace ekman {

// LibTorch's losses compare what the network returns with targets that are normalised as its outputs are; classes and
// logits are never normalised. Losses of the user's own see physical units.
class LessonLoss {
 public:
  // Tries every term on a tile of `tile_rows` rows. Throws Error(network) for shapes that do not fit, and for a term
  // that nothing can be learned from.
  LessonLoss(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out, const RowLayout& truth,
             const torch::jit::Module* script, std::int64_t tile_rows, at::TensorOptions options);

  // Every row of weight above 0 names a class that there is. `ids` are the global ids of the rows that hold points.
  // Throws Error(network) with the first one that does not.
  void check_classes(const at::Tensor& truth, const at::Tensor& weights, const std::int64_t* ids) const;
  // Of each term the sum over points of weight times loss, [].
  std::vector<at::Tensor> sums(const LossRows& rows) const;
  // Whether a term is of the user's own.
  bool has_own() const;
  // All terms with their weights, [].
  at::Tensor total(const std::vector<at::Tensor>& sums) const;

 private:
  struct Pair {
    FieldSlot output;
    FieldSlot target;
    RowNormalization normalize;  // of the target
  };
  struct Term {
    LossTerm term;
    std::vector<Pair> pairs;
    std::vector<OwnLoss> own;  // one, or none
  };

  void check(const NetworkSpec& spec, const Term& term) const;
  void try_terms(const at::Tensor& in, const at::Tensor& truth, const at::Tensor& out) const;

  std::string name_;
  std::vector<Term> terms_;
};

}  // namespace ekman
