// Cuts lessons into tiles, finds out which rows count, and adds up loss, gradient and statistics of each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/torch/lesson_loss.hpp"
#include "adapters/torch/running_normalization.hpp"
#include "adapters/torch/training_forward.hpp"
#include "adapters/torch/training_graph.hpp"
#include "coupler/engine/learner.hpp"
#include "coupler/engine/validation_split.hpp"
#include "coupler/profile/profile.hpp"

namespace ekman {

// Rows without weight, those held out for validation, and pads get zeros as input, or stay out of the forward if the
// network mixes rows in training. A tile with fewer of them than the network can take (batch-norm needs two) is
// skipped, and the points are counted.
class LessonTiles {
 public:
  // Places in the sums: those of the training, then of the validation (weight, terms), then of buffers, then of
  // running normalisation.
  static constexpr std::size_t k_weight = 0, k_skipped = 1, k_terms = 2;

  // `record`: of tiles of one shape, the first of the step is recorded here, and leaves gradients in disorder; none:
  // all run as they are.
  LessonTiles(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in, const RowLayout& out,
              const RowLayout& truth, RowNormalization in_constants, at::TensorOptions options, const Recorder& record);
  LessonTiles(const LessonTiles&) = delete;
  LessonTiles& operator=(const LessonTiles&) = delete;

  // Adds to `sums`, of length num_sums(), and to the gradients of the parameters.
  void add(const Lesson& lesson, std::vector<double>& sums);

  // As in torch_learner.hpp.
  bool wants_graph(std::int64_t chunk, std::int64_t rows) const;
  void keep(std::int64_t chunk, std::vector<at::Tensor> outs) { graphs_[chunk] = std::move(outs); }
  void forget_graphs() { graphs_.clear(); }

  // In float16, from now on: what the loss is multiplied by before its backward, and so the gradients.
  void scale_loss_by(double scale);
  // What became of `record`, for the line at start; "" without one.
  const std::string& recorded() const { return recorded_; }

  void profile(Profile* profile) { profile_ = profile; }

  std::int64_t tile() const { return tile_rows_ / rows_per_sample_; }
  std::size_t num_sums() const { return running_at() + running_.num_sums(); }
  std::size_t num_validation_sums() const { return split_.any() ? 1 + num_terms_ : 0; }
  std::vector<double> validation_of(const std::vector<double>& sums) const;
  bool buffers_are_finite(const std::vector<double>& sums) const;
  // Buffers become what they were on average.
  void take_buffers(const std::vector<double>& sums) { forward_.take_sums(sums.data() + buffers_at()); }
  void remember_buffers() { forward_.remember_buffers(); }
  // Statistics of the inputs take in what was added.
  void take_statistics(const std::vector<double>& sums) { running_.take(sums.data() + running_at()); }
  RunningNormalization& running() { return running_; }
  const RunningNormalization& running() const { return running_; }

 private:
  // One tile of a lesson on the device; weights: [rows], 0 for pads.
  struct Tile {
    at::Tensor in, truth, weights;
    at::Tensor out;  // of the inputs as they are, with its graph; undefined: there is none
    std::uint64_t seed = 0;
    bool all_alike = false;  // no row is masked, and all have the weight 1
  };

  std::size_t validation_at() const { return k_terms + num_terms_; }
  std::size_t buffers_at() const { return validation_at() + num_validation_sums(); }
  std::size_t running_at() const { return buffers_at() + forward_.num_sums(); }
  at::Tensor weights_of(const at::Tensor& truth, std::int64_t points, const std::uint8_t* counts) const;
  at::Tensor held_out(const Lesson& lesson, std::int64_t row, std::int64_t points) const;
  at::Tensor masked_in(const Tile& tile) const;
  void train(Tile tile, std::vector<double>& sums);
  void validate(const Tile& tile, std::vector<double>& sums);
  bool keep_what_counts(Tile& tile, std::vector<double>& sums) const;
  std::vector<at::Tensor> learn(const Tile& tile, const at::Tensor& out) const;
  void record_tile(const Recorder& record);

  std::string name_;
  std::int64_t seed_;
  bool grid_;
  bool weighted_;
  FieldSlot weights_;
  ValidationSplit split_;
  at::ScalarType wire_;
  at::TensorOptions options_;
  std::int64_t in_len_;
  std::int64_t truth_len_;
  std::int64_t rows_per_sample_;
  std::int64_t tile_rows_;
  std::size_t num_terms_;
  RowNormalization in_constants_;
  RunningNormalization running_;
  TrainingForward forward_;
  LessonLoss loss_;
  std::int64_t graph_bytes_;                                // bytes of a row of a graph; 0: none is kept
  std::map<std::int64_t, std::vector<at::Tensor>> graphs_;  // by chunk, of each tile its outputs
  at::Tensor scale_;                                        // [], read by what was recorded; undefined: none
  std::unique_ptr<TrainingGraph> recording_;
  bool recorded_alike_ = false;  // it is of tiles that are all_alike; else of all others
  std::string recorded_;
  Profile* profile_ = nullptr;
};

}  // namespace ekman
