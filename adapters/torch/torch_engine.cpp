// Tiles, kinds, normalisation and staging around a TorchNetwork. Every forward has the same shape, which is
// what makes bits independent of who sent which rows.
#include "adapters/torch/torch_engine.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "adapters/torch/builtin_network.hpp"
#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/checkpoint_network.hpp"
#include "adapters/torch/compat.hpp"
#include "adapters/torch/cuda_graph.hpp"
#include "adapters/torch/device_stage.hpp"
#include "adapters/torch/house.hpp"
#include "adapters/torch/own_network.hpp"
#include "adapters/torch/script_file.hpp"
#include "adapters/torch/tile_forward.hpp"
#include "adapters/torch/torch_learner.hpp"
#include "adapters/torch/torch_message.hpp"
#include "adapters/torch/torch_network.hpp"
#include "adapters/torch/torch_tape.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/plan/artifact.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

at::Device parse_device(const NetworkSpec& spec, const std::string& text) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\" cannot run on device \"{}\": {}", spec.name, text, why));
  };
  if (text == "cpu") return at::Device(at::kCPU);
  if (text.rfind("cuda", 0) != 0) fail("it is none; use cpu or cuda:N");
  const int gpus = gpu_count();
  if (gpus == 0)
    fail("LibTorch sees no GPU here; use `device: cpu`, or a LibTorch built for CUDA on a node with a GPU");
  try {
    at::Device device(text);
    if (!device.has_index()) device.set_index(0);
    if (device.index() < gpus) return device;
  } catch (const c10::Error&) {
    fail("it is no number of a GPU; use cpu or cuda:N");
  }
  fail(fmt::format("this node has {} GPUs, counted from 0; name a lower one", gpus));
  return at::Device(at::kCPU);
}

std::unique_ptr<TorchNetwork> make_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                           at::Device device, const Checkpoint* checkpoint) {
  const at::ScalarType kind = kind_of(spec.compute);
  if (spec.source.kind != SourceKind::builtin) return load_script_network(spec, in, out, device, kind);
  auto network = make_builtin_network(spec, in, out, device, kind);
  if (checkpoint != nullptr) take_weights(spec.name, *checkpoint, *network);
  return network;
}

class TorchEngine final : public Engine {
 public:
  // `checkpoint`: where the weights of a built-in network come from; null: they follow from its seed.
  TorchEngine(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out, const RowLayout& truth,
              at::Device device, int threads, const Checkpoint* checkpoint)
      : name_(spec.name),
        device_(device),
        threads_(threads),
        spec_wire_(spec.wire),
        wire_(kind_of(spec.wire)),
        compute_(kind_of(spec.compute)),
        precision_(spec.compute),
        meets_autograd_(spec.training.given || spec.tape > 0),
        in_len_(in.row_len()),
        out_len_(out.row_len()),
        chunk_rows_(spec.rows_per_chunk()),
        tile_(tile_samples(spec, device.is_cuda())),
        tile_rows_(tile_ * spec.rows_per_sample()),
        network_(make_network(spec, in, out, device, checkpoint)),
        tile_forward_(spec, *network_, in, out, device) {
    if (checkpoint != nullptr) normalised_otherwise_ = fields_normalised_otherwise(spec, *checkpoint, in, out);
    if (device_.is_cuda()) make_staging();
    try_one_tile();
    const bool records = spec.cuda_graph && device_.is_cuda();
    if (spec.training.given) {
      learner_ = make_torch_learner(spec, *network_, in, out, truth, tile_forward_.in_constants(),
                                    records ? recorder() : Recorder());
      if (checkpoint != nullptr) learner_->begin_with(learned_statistics(spec, *checkpoint, in));
      if (!spec.source.artifact.empty()) take_optimizer_of(spec.source);
    }
    // Behind the learner, which gives the parameters other addresses.
    if (records) record_tile();
    if (spec.tape > 0) torch_tape_ = make_torch_tape(spec, *network_, tile_forward_, learner_.get());
  }

  void forward(const std::byte* in, std::byte* out, std::int64_t rows) override {
    if (rows < 0 || rows > chunk_rows_) {
      throw Error(
          ErrorCode::network,
          fmt::format("network \"{}\": {} rows asked of a chunk of {} rows; this is a mistake in Ekman, report it",
                      name_, rows, chunk_rows_));
    }
    const std::int64_t tiled_rows = (rows + tile_rows_ - 1) / tile_rows_ * tile_rows_;
    if (tiled_rows == 0) return;
    guarded([&] {
      if (device_.is_cuda()) {
        forward_staged(in, out, tiled_rows);
      } else {
        forward_in_place(in, out, tiled_rows);
      }
    });
  }

  // On the CPU, see TorchNetwork::graph_len.
  void forward_to_learn(std::int64_t chunk, const std::byte* in, std::byte* out, std::int64_t rows) override {
    const std::int64_t tiled_rows = (rows + tile_rows_ - 1) / tile_rows_ * tile_rows_;
    if (learner_ == nullptr || rows < 1 || rows > chunk_rows_ || !learner_->wants_graph(chunk, tiled_rows))
      return forward(in, out, rows);
    guarded([&] {
      const at::AutoGradMode gradients(true);
      const at::Tensor in_rows = at::from_blob(const_cast<std::byte*>(in), {tiled_rows, in_len_}, wire_);
      const at::Tensor out_rows = at::from_blob(out, {tiled_rows, out_len_}, wire_);
      std::vector<at::Tensor> outs;
      for (std::int64_t row = 0; row < tiled_rows; row += tile_rows_) {
        // The chunk buffer is written again before the lesson.
        const at::Tensor x = in_rows.narrow(0, row, tile_rows_).to(compute_, /*non_blocking=*/false, /*copy=*/true);
        const at::Tensor to = out_rows.narrow(0, row, tile_rows_);
        const at::Tensor y = wire_ == compute_ ? to : at::empty_like(to, to.options().dtype(compute_));
        outs.push_back(tile_forward_.run_and_keep(x, y));
        if (wire_ != compute_) to.copy_(y);
      }
      learner_->keep(chunk, std::move(outs));
    });
  }

  std::string describe() const override {
    const std::string core = openblas_core();
    const std::string blas = core.empty() ? "" : ", OpenBLAS " + core;
    std::string tiles = fmt::format("tiles of {} sample{}", tile_, tile_ == 1 ? "" : "s");
    if (autocast_of(precision_) != compat::k_undefined) tiles = fmt::format("{}, {}", word_of(precision_), tiles);
    if (graph_) tiles = "CUDA graph, " + tiles;
    if (!network_->speed_up().empty()) tiles = fmt::format("{}, {}", network_->speed_up(), tiles);
    if (!normalised_otherwise_.empty())
      tiles += fmt::format(", {} normalised as the plan says, which is not as the checkpoint learned",
                           joined(normalised_otherwise_, " and "));
    if (device_.is_cuda()) return fmt::format("{}, {}", device_.str(), tiles);
    return fmt::format("cpu, {} thread{}{}, {}", threads_, threads_ == 1 ? "" : "s", blas, tiles);
  }

  std::string arithmetic() const override {
    return arithmetic_of(device_.is_cuda() ? device_.index() : -1, at::get_num_threads());
  }

  NetworkSize size() const override { return network_->size(); }

  void profile(Profile* profile) override {
    profile_ = profile;
    if (learner_ != nullptr) learner_->profile(profile);
  }

  Learner* learner() override { return learner_.get(); }
  Tape* tape() override { return torch_tape_.get(); }

 private:
  // Exported with the state of an optimizer, learning goes on with it, if it is of the plan's.
  void take_optimizer_of(const NetworkSource& source) {
    Checkpoint weights = read_checkpoint_file((std::filesystem::path(source.artifact) / k_artifact_weights).string());
    std::vector<NamedArray>& arrays = weights.state.arrays;
    arrays.erase(std::remove_if(arrays.begin(), arrays.end(),
                                [](const NamedArray& array) { return array.name.rfind("optimizer/", 0) != 0; }),
                 arrays.end());
    if (arrays.empty()) return;
    learner_->begin_with_optimizer(arrays, source.optimizer, weights.path);
  }

  // Runs `work` without autograd; whatever LibTorch throws becomes an Error(network).
  template <typename Work>
  void guarded(Work&& work) {
    try {
      // What a network keeps of a forward may meet autograd later, which refuses inference tensors.
      const c10::InferenceMode inference(!meets_autograd_);
      const at::NoGradGuard no_gradients;
      work();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(ErrorCode::network,
                  fmt::format("network \"{}\" on {} fails: {}; see whether the device has memory left, and works with "
                              "LibTorch alone",
                              name_, device_.str(), torch_message(error)));
    }
  }

  // The buffers as tensors, tile by tile: nothing is copied.
  void forward_in_place(const std::byte* in, std::byte* out, std::int64_t rows) {
    const std::int64_t in_bytes = in_len_ * real_size(spec_wire_), out_bytes = out_len_ * real_size(spec_wire_);
    for (std::int64_t row = 0; row < rows; row += tile_rows_) {
      run_tile(at::from_blob(const_cast<std::byte*>(in) + row * in_bytes, {tile_rows_, in_len_}, wire_),
               at::from_blob(out + row * out_bytes, {tile_rows_, out_len_}, wire_));
    }
  }

  // Through pinned memory; the copy back waits for the device.
  void forward_staged(const std::byte* in, std::byte* out, std::int64_t rows) {
    const at::Tensor in_rows = device_in_.narrow(0, 0, rows);
    const at::Tensor out_rows = device_out_.narrow(0, 0, rows);
    const at::Tensor in_pinned = pinned_in_.narrow(0, 0, rows);
    const at::Tensor out_pinned = pinned_out_.narrow(0, 0, rows);
    {
      const DeviceStage stage(profile_, Stage::host_to_device, device_);
      std::memcpy(in_pinned.data_ptr(), in, in_pinned.nbytes());
      in_rows.copy_(in_pinned, /*non_blocking=*/true);
    }
    {
      const DeviceStage stage(profile_, Stage::forward, device_);
      run_tiles(in_rows, out_rows, rows);
    }
    const DeviceStage stage(profile_, Stage::device_to_host, device_);
    out_pinned.copy_(out_rows);
    std::memcpy(out, out_pinned.data_ptr(), out_pinned.nbytes());
  }

  void run_tiles(const at::Tensor& in, const at::Tensor& out, std::int64_t rows) {
    for (std::int64_t row = 0; row < rows; row += tile_rows_) {
      run_tile(in.narrow(0, row, tile_rows_), out.narrow(0, row, tile_rows_));
    }
  }

  void run_tile(const at::Tensor& in, const at::Tensor& out) {
    if (graph_) {
      // All in the order of one stream; the copies change kinds too.
      graph_in_.copy_(in);
      graph_->replay();
      out.copy_(graph_out_);
      return;
    }
    const bool copies = wire_ != compute_ || tile_forward_.changes_input();
    const at::Tensor x = copies ? in.to(compute_, /*non_blocking=*/false, /*copy=*/true) : in;
    const at::Tensor y = wire_ == compute_ ? out : at::empty({tile_rows_, out_len_}, in.options().dtype(compute_));
    tile_forward_.run(x, y);
    if (wire_ != compute_) out.copy_(y);
  }

  void make_staging() {
    guarded([&] {
      // Algorithms that do not change from call to call.
      at::globalContext().setDeterministicCuDNN(true);
      const auto pinned = at::TensorOptions(at::kCPU).dtype(wire_).pinned_memory(true);
      const auto there = at::TensorOptions(device_).dtype(wire_);
      pinned_in_ = at::empty({chunk_rows_, in_len_}, pinned);
      pinned_out_ = at::empty({chunk_rows_, out_len_}, pinned);
      device_in_ = at::empty({chunk_rows_, in_len_}, there);
      device_out_ = at::empty({chunk_rows_, out_len_}, there);
    });
  }

  // Shapes and kinds are wrong here, at start, or never; it warms up as well. A network that works in place
  // on its argument gets a copy from then on: the chunk buffer is not its own.
  void try_one_tile() {
    guarded([&] {
      tile_forward_.try_one(tile_rows_);
      if (device_.is_cuda()) torch::cuda::synchronize(device_.index());
    });
  }

  // One graph for all tiles, since they are of one shape. It reads and writes tensors of its own.
  void record_tile() {
    guarded([&] {
      graph_in_ = at::zeros({tile_rows_, in_len_}, tile_forward_.options());
      graph_out_ = at::zeros({tile_rows_, out_len_}, tile_forward_.options());
      graph_ =
          std::make_unique<CudaGraph>(name_, "forward", device_, [this] { tile_forward_.run(graph_in_, graph_out_); });
    });
  }

  Recorder recorder() const {
    return [name = name_, device = device_](const std::function<void()>& work) {
      // Shared, since functions are copied.
      const auto graph = std::make_shared<CudaGraph>(name, "training step", device, work);
      return [graph] { graph->replay(); };
    };
  }

  std::string name_;
  at::Device device_;
  int threads_;
  Real spec_wire_;
  at::ScalarType wire_;
  at::ScalarType compute_;
  Compute precision_;
  bool meets_autograd_;
  std::int64_t in_len_;
  std::int64_t out_len_;
  std::int64_t chunk_rows_;
  std::int64_t tile_;
  std::int64_t tile_rows_;
  std::unique_ptr<TorchNetwork> network_;
  TileForward tile_forward_;
  std::unique_ptr<TorchLearner> learner_;
  std::unique_ptr<Tape> torch_tape_;
  at::Tensor pinned_in_;
  at::Tensor pinned_out_;
  at::Tensor device_in_;
  at::Tensor device_out_;
  at::Tensor graph_in_;
  std::vector<std::string> normalised_otherwise_;
  at::Tensor graph_out_;
  std::unique_ptr<CudaGraph> graph_;
  Profile* profile_ = nullptr;
};

}  // namespace

std::unique_ptr<Engine> make_torch_engine(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                          const RowLayout& truth, const std::string& device, int threads) {
  if (spec.source.kind == SourceKind::echo) {
    throw Error(
        ErrorCode::internal,
        fmt::format("network \"{}\": echo is not LibTorch's; this is a mistake in Ekman, report it", spec.name));
  }
  at::set_num_threads(threads);
  compat::stop_profiling();
  const at::Device parsed = parse_device(spec, device);
  if (spec.compute == Compute::float16 && !parsed.is_cuda()) {
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\" cannot compute in float16 on {}, since that takes a GPU; take `compute: "
                            "bfloat16` or float32, or start it on a node with GPUs",
                            spec.name, parsed.str()));
  }
  if (spec.source.kind != SourceKind::checkpoint)
    return std::make_unique<TorchEngine>(spec, in, out, truth, parsed, threads, nullptr);
  const Checkpoint checkpoint = read_checkpoint_file(spec.source.path);
  NetworkSpec same = spec;
  same.source = source_of_checkpoint(spec, checkpoint);
  add_normalization(checkpoint, in, out, same);
  return std::make_unique<TorchEngine>(same, in, out, truth, parsed, threads, &checkpoint);
}

NetworkSize open_network(const NetworkSpec& spec) {
  NetworkSpec opened = spec;
  if (spec.source.kind == SourceKind::checkpoint) {
    const Checkpoint checkpoint = read_checkpoint_file(spec.source.path);
    opened.source = source_of_checkpoint(spec, checkpoint);
    if (opened.source.kind == SourceKind::builtin) return size_of_checkpoint(checkpoint);
  }
  if (opened.source.is_own()) find_own_network(spec.name, opened.source);
  if (opened.source.kind != SourceKind::torchscript) return {};
  return size_of(load_script(opened, at::Device(at::kCPU), kind_of(spec.compute)));
}

}  // namespace ekman
