// Implements lesson_tiles.hpp.
#include "adapters/torch/lesson_tiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "adapters/torch/device_stage.hpp"
#include "adapters/torch/row_slots.hpp"
#include "coupler/base/mix64.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// Of the graphs that are kept from forwards until their lessons: an ML rank with many chunks has them all at once.
constexpr std::int64_t k_most_graph_bytes = std::int64_t{256} << 20;

}  // namespace

LessonTiles::LessonTiles(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in, const RowLayout& out,
                         const RowLayout& truth, RowNormalization in_constants, at::TensorOptions options,
                         const Recorder& record)
    : name_(spec.name),
      seed_(spec.training.seed),
      grid_(spec.sample == Sample::grid),
      weighted_(!spec.training.weights.empty()),
      split_(spec.training.validation),
      wire_(spec.wire == Real::float32 ? at::kFloat : at::kDouble),
      options_(options),
      in_len_(in.row_len()),
      truth_len_(truth.row_len()),
      rows_per_sample_(spec.rows_per_sample()),
      tile_rows_(tile_samples(spec, options.device().is_cuda()) * spec.rows_per_sample()),
      num_terms_(spec.training.loss.size()),
      in_constants_(std::move(in_constants)),
      running_(spec, in, in_constants_),
      forward_(spec, network, in_len_, out.row_len(), tile_rows_, options),
      loss_(spec, in, out, truth, network.script(), tile_rows_, options),
      graph_bytes_(split_.any() || forward_.mixes()
                       ? 0
                       : network.graph_len() * static_cast<std::int64_t>(options.dtype().itemsize())) {
  if (weighted_) weights_ = slot_of(truth, spec.training.weights);
  if (spec.compute == Compute::float16) scale_ = at::ones({}, options);
  if (record) record_tile(record);
}

// The arithmetic of tiles that are all alike is another than that of others. Where there are weights or points are held
// out, no tile is alike but some of a replay; else all are but those with pads.
void LessonTiles::record_tile(const Recorder& record) {
  std::string why = forward_.why_not_recorded();
  if (why.empty() && loss_.has_own()) why = "a loss of one's own may make shapes out of values";
  if (!why.empty()) {
    recorded_ = fmt::format("no CUDA graph of its training step: {}", why);
    return;
  }
  recorded_alike_ = !weighted_ && !split_.any();
  const TrainingGraph::Tile like{at::empty({tile_rows_, in_len_}, options_),
                                 at::empty({tile_rows_, truth_len_}, options_), at::empty({tile_rows_}, options_)};
  recording_ = std::make_unique<TrainingGraph>(like, record, [this](const TrainingGraph::Tile& given) {
    const Tile tile{given.in, given.truth, given.weights, {}, 0, recorded_alike_};
    std::vector<at::Tensor> sums = learn(tile, forward_.train_recorded(masked_in(tile)));
    sums.insert(sums.begin(), tile.weights.sum());
    for (at::Tensor& sum : sums) sum = sum.detach().to(options_);
    return at::stack(sums);
  });
  forward_.serve();
  recorded_ = "its training step is a CUDA graph";
}

void LessonTiles::scale_loss_by(double scale) {
  if (scale_.defined()) scale_.fill_(scale);
}

void LessonTiles::add(const Lesson& lesson, std::vector<double>& sums) {
  const at::AutoGradMode gradients(true);
  struct Serving {
    TrainingForward& forward;
    ~Serving() { forward.serve(); }
  } const serving{forward_};
  const std::int64_t tiled = (lesson.rows + tile_rows_ - 1) / tile_rows_ * tile_rows_;
  const auto rows_at = [&](const std::byte* bytes, std::int64_t length) {
    return at::from_blob(const_cast<std::byte*>(bytes), {tiled, length}, wire_).to(options_);
  };
  const at::Tensor in = rows_at(lesson.in, in_len_), truth = rows_at(lesson.truth, truth_len_);
  std::vector<at::Tensor> graphs;
  if (lesson.draw == 0) graphs = std::exchange(graphs_[lesson.chunk], {});
  for (std::int64_t row = 0; row < lesson.rows; row += tile_rows_) {
    const std::int64_t points = std::min(tile_rows_, lesson.rows - row);
    Tile tile{in.narrow(0, row, tile_rows_), truth.narrow(0, row, tile_rows_), {}, {}, 0, false};
    if (!graphs.empty()) tile.out = std::move(graphs[static_cast<std::size_t>(row / tile_rows_)]);
    const bool splits = split_.any() && lesson.use == LessonUse::by_split;
    tile.all_alike = !weighted_ && points == tile_rows_ && !splits && lesson.counts == nullptr;
    tile.weights = weights_of(tile.truth, points, lesson.counts == nullptr ? nullptr : lesson.counts + row);
    loss_.check_classes(tile.truth, tile.weights, lesson.ids + row);
    tile.seed = mix64({seed_, lesson.exchange, lesson.chunk, lesson.draw, row / tile_rows_});
    if (lesson.use == LessonUse::validate) {
      validate(tile, sums);
      continue;
    }
    if (splits) {
      const at::Tensor held = held_out(lesson, row, points), none = at::zeros_like(tile.weights);
      Tile other = tile;
      other.weights = at::where(held, tile.weights, none);
      tile.weights = at::where(held, none, tile.weights);
      if (lesson.draw == 0) validate(other, sums);
    }
    if (lesson.draw == 0 && lesson.use == LessonUse::by_split)
      running_.add(tile.in, tile.weights.gt(0), sums.data() + running_at());
    train(std::move(tile), sums);
  }
}

bool LessonTiles::wants_graph(std::int64_t chunk, std::int64_t rows) const {
  if (graph_bytes_ == 0) return false;
  std::int64_t others = 0;
  for (const auto& [number, outs] : graphs_) {
    if (number != chunk) others += static_cast<std::int64_t>(outs.size()) * tile_rows_;
  }
  return (others + rows) * graph_bytes_ <= k_most_graph_bytes;
}

// [rows], 0 for pads.
at::Tensor LessonTiles::weights_of(const at::Tensor& truth, std::int64_t points, const std::uint8_t* counts) const {
  at::Tensor weights = at::zeros({tile_rows_}, options_);
  at::Tensor of_points = weights.narrow(0, 0, points);
  const auto masked = [&] {
    if (counts == nullptr) return weights;
    const at::Tensor mask = at::from_blob(const_cast<std::uint8_t*>(counts), {points}, at::kByte).to(options_.device());
    of_points.masked_fill_(mask.eq(0), 0.0);
    return weights;
  };
  if (!weighted_) {
    of_points.fill_(1.0);
    return masked();
  }
  of_points.copy_(truth.select(1, weights_.offset).narrow(0, 0, points));
  if (of_points.ge(0).all().item<bool>()) return masked();
  throw Error(ErrorCode::network,
              fmt::format("network \"{}\": the weights in \"{}\" hold a value that is negative or no number; use 0 for "
                          "points that are not to count",
                          name_, weights_.name));
}

// [rows], of truth values.
at::Tensor LessonTiles::held_out(const Lesson& lesson, std::int64_t row, std::int64_t points) const {
  // What a replay drew for a grid is of other exchanges, none of which was held out.
  if (grid_)
    return at::full({tile_rows_}, lesson.draw == 0 && split_.holds_out(lesson.exchange), options_.dtype(at::kBool));
  const at::Tensor held = at::zeros({tile_rows_}, at::kBool);
  bool* value = held.data_ptr<bool>();
  for (std::int64_t i = 0; i < points; ++i) value[i] = split_.holds_out(lesson.ids[row + i]);
  return held.to(options_.device());
}

at::Tensor LessonTiles::masked_in(const Tile& tile) const {
  // A copy in any case: the network may work in place on its argument.
  if (tile.all_alike) return in_constants_.mean.defined() ? in_constants_.normalised(tile.in) : tile.in.clone();
  return at::where(tile.weights.gt(0).unsqueeze(1), in_constants_.normalised(tile.in), at::zeros_like(tile.in));
}

// Leaves only samples with a weight in the tile; false if there are too few of them.
bool LessonTiles::keep_what_counts(Tile& tile, std::vector<double>& sums) const {
  const std::int64_t samples = tile_rows_ / rows_per_sample_;
  const at::Tensor counted = tile.weights.view({samples, rows_per_sample_}).sum(1).gt(0).nonzero().squeeze(1);
  if (counted.numel() < forward_.fewest()) {
    sums[k_skipped] += static_cast<double>(tile.weights.gt(0).sum().item<std::int64_t>());
    return false;
  }
  if (counted.numel() == samples) return true;
  const auto keep = [&](const at::Tensor& rows) {
    const at::Tensor by_sample = rows.reshape({samples, -1}).index_select(0, counted);
    std::vector<std::int64_t> sizes = rows.sizes().vec();
    sizes[0] = counted.numel() * rows_per_sample_;
    return by_sample.reshape(sizes);
  };
  tile.in = keep(tile.in);
  tile.truth = keep(tile.truth);
  tile.weights = keep(tile.weights);
  return true;
}

void LessonTiles::train(Tile tile, std::vector<double>& sums) {
  if (!tile.all_alike && !tile.weights.gt(0).any().item<bool>()) return;
  if (forward_.mixes() && !keep_what_counts(tile, sums)) return;
  if (recording_ != nullptr && tile.all_alike == recorded_alike_ && !tile.out.defined()) {
    const std::vector<double> found = recording_->replay({tile.in, tile.truth, tile.weights});
    sums[k_weight] += found[0];
    for (std::size_t t = 0; t < num_terms_; ++t) sums[k_terms + t] += found[1 + t];
    return;
  }
  // A row that is masked would pass what it holds to the gradient, NaN for instance.
  const bool as_served = tile.out.defined() && (tile.all_alike || tile.weights.gt(0).all().item<bool>());
  const auto forward = [&] {
    const DeviceStage stage(profile_, Stage::forward, options_.device());
    return forward_.train(masked_in(tile), tile.seed, sums.data() + buffers_at());
  };
  const at::Tensor out = as_served ? tile.out : forward();
  const std::vector<at::Tensor> terms = learn(tile, out);
  sums[k_weight] += tile.weights.sum().item<double>();
  for (std::size_t t = 0; t < terms.size(); ++t) sums[k_terms + t] += terms[t].item<double>();
}

// The sums of the terms, whose gradients are added to those of the parameters.
std::vector<at::Tensor> LessonTiles::learn(const Tile& tile, const at::Tensor& out) const {
  std::vector<at::Tensor> terms = loss_.sums({tile.in, tile.truth, out, tile.weights, tile.all_alike});
  const at::Tensor total = loss_.total(terms);
  // At start every term had a gradient; one of the user's own may still have none for some values.
  if (total.requires_grad()) total.backward(scale_);
  return terms;
}

void LessonTiles::validate(const Tile& tile, std::vector<double>& sums) {
  if (!tile.weights.gt(0).any().item<bool>()) return;
  const at::NoGradGuard no_grad;
  const at::Tensor out = forward_.evaluate(masked_in(tile));
  const std::vector<at::Tensor> terms = loss_.sums({tile.in, tile.truth, out, tile.weights, tile.all_alike});
  double* const at = sums.data() + validation_at();
  at[0] += tile.weights.sum().item<double>();
  for (std::size_t t = 0; t < terms.size(); ++t) at[1 + t] += terms[t].item<double>();
}

std::vector<double> LessonTiles::validation_of(const std::vector<double>& sums) const {
  const auto begin = sums.begin() + static_cast<std::ptrdiff_t>(validation_at());
  return {begin, begin + static_cast<std::ptrdiff_t>(num_validation_sums())};
}

bool LessonTiles::buffers_are_finite(const std::vector<double>& sums) const {
  return std::all_of(sums.begin() + static_cast<std::ptrdiff_t>(buffers_at()), sums.end(),
                     [](double sum) { return std::isfinite(sum); });
}

}  // namespace ekman
