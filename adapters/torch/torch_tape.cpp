// Implements torch_tape.hpp: each tile of a forward is kept with the leaf of its inputs and the outputs, from which
// autograd goes back. Values on both sides are physical ones: normalisation is part of the graph.
#include "adapters/torch/torch_tape.hpp"

#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "adapters/torch/torch_message.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

class TorchTape final : public Tape {
 public:
  TorchTape(const NetworkSpec& spec, TorchNetwork& network, const TileForward& forward, TorchLearner* learner)
      : name_(spec.name),
        wire_(kind_of(spec.wire)),
        chunk_rows_(spec.rows_per_chunk()),
        tile_rows_(tile_samples(spec, forward.options().device().is_cuda()) * spec.rows_per_sample()),
        forward_(forward),
        learner_(learner) {
    if (learner != nullptr) return;
    for (const NamedParameter& parameter : network.parameters()) parameter.tensor.requires_grad_(false);
  }

  void forward(std::int64_t slot, const std::byte* in, std::byte* out, std::int64_t rows) override {
    guarded("forward, with its graph kept", [&] {
      const at::Tensor in_rows = rows_at(in, rows, forward_.in_len());
      const at::Tensor out_rows = rows_at(out, rows, forward_.out_len());
      Exchange exchange;
      for (std::int64_t row = 0; row < rows; row += tile_rows_) {
        exchange.push_back(run_tile(in_rows.narrow(0, row, tile_rows_)));
        out_rows.narrow(0, row, tile_rows_).copy_(exchange.back().out.detach());
      }
      graphs_of(slot).push_back(std::move(exchange));
    });
  }

  void backward(std::int64_t slot, const std::byte* out_adjoint, std::byte* in_adjoint, std::int64_t rows,
                bool retain) override {
    std::vector<Exchange>& graphs = graphs_of(slot);
    if (graphs.empty()) {
      throw Error(ErrorCode::internal,
                  fmt::format("network \"{}\": an adjoint came for chunk buffer {}, whose tape is empty; this is a "
                              "mistake in Ekman, report it",
                              name_, slot));
    }
    guarded("backward", [&] {
      if (learner_ != nullptr) learner_->begin_backward();
      const at::Tensor given = rows_at(out_adjoint, rows, forward_.out_len());
      const at::Tensor found = rows_at(in_adjoint, rows, forward_.in_len());
      std::int64_t row = 0;
      for (Tile& tile : graphs.back()) {
        const at::Tensor adjoint = given.narrow(0, row, tile_rows_).to(forward_.options(), false, /*copy=*/true);
        const std::int64_t points = std::min(tile_rows_, rows - row);
        adjoint.narrow(0, points, tile_rows_ - points).zero_();
        found.narrow(0, row, tile_rows_).copy_(go_back(tile, adjoint, retain));
        row += tile_rows_;
      }
      if (!retain) graphs.pop_back();
    });
  }

  void clear() override { graphs_.clear(); }

 private:
  struct Tile {
    at::Tensor in;   // a leaf, in physical units
    at::Tensor out;  // likewise in physical units
  };
  using Exchange = std::vector<Tile>;

  std::vector<Exchange>& graphs_of(std::int64_t slot) {
    const auto at = static_cast<std::size_t>(slot);
    if (at >= graphs_.size()) graphs_.resize(at + 1);
    return graphs_[at];
  }

  // Of whole tiles.
  at::Tensor rows_at(const std::byte* bytes, std::int64_t rows, std::int64_t length) const {
    if (rows < 0 || rows > chunk_rows_) {
      throw Error(
          ErrorCode::internal,
          fmt::format("network \"{}\": {} rows asked of a chunk of {} rows; this is a mistake in Ekman, report it",
                      name_, rows, chunk_rows_));
    }
    const std::int64_t tiled = (rows + tile_rows_ - 1) / tile_rows_ * tile_rows_;
    return at::from_blob(const_cast<std::byte*>(bytes), {tiled, length}, wire_);
  }

  // The chunk buffer is written again before the backward: the graph gets rows of its own.
  Tile run_tile(const at::Tensor& rows) const {
    Tile tile;
    tile.in = rows.to(forward_.options(), false, /*copy=*/true).requires_grad_(true);
    tile.out = at::empty({tile_rows_, forward_.out_len()}, forward_.options());
    // Autograd lets nobody write to a leaf.
    forward_.run(forward_.changes_input() ? tile.in.clone() : tile.in, tile.out);
    return tile;
  }

  // The adjoint of the inputs of `tile`; what follows for parameters is added to their gradients.
  static at::Tensor go_back(Tile& tile, const at::Tensor& adjoint, bool retain) {
    tile.in.mutable_grad().reset();
    if (tile.out.requires_grad()) torch::autograd::backward({tile.out}, {adjoint}, retain);
    return tile.in.grad().defined() ? tile.in.grad() : at::zeros_like(tile.in);
  }

  template <typename Work>
  void guarded(const char* what, Work&& work) const {
    try {
      const at::AutoGradMode gradients(true);
      work();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(ErrorCode::network,
                  fmt::format("network \"{}\" on {} fails in {}: {}; see whether the device has memory left for the "
                              "graphs that `tape` keeps, and whether the network can be differentiated",
                              name_, forward_.options().device().str(), what, torch_message(error)));
    }
  }

  std::string name_;
  at::ScalarType wire_;
  std::int64_t chunk_rows_;
  std::int64_t tile_rows_;
  const TileForward& forward_;
  TorchLearner* learner_;
  std::vector<std::vector<Exchange>> graphs_;  // by slot, the last exchange last
};

}  // namespace

std::unique_ptr<Tape> make_torch_tape(const NetworkSpec& spec, TorchNetwork& network, const TileForward& forward,
                                      TorchLearner* learner) {
  return std::make_unique<TorchTape>(spec, network, forward, learner);
}

}  // namespace ekman
