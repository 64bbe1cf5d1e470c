// Implements cuda_graph.hpp; the one file that takes headers of CUDA. CMake defines EKMAN_WITH_CUDA for it if LibTorch
// has CUDA.
#include "adapters/torch/cuda_graph.hpp"

#include <fmt/format.h>

#include "adapters/torch/torch_message.hpp"
#include "ekman/error.hpp"

#ifdef EKMAN_WITH_CUDA

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/cuda.h>

namespace ekman {
namespace {

// The first calls make handles, choose kernels and load them, which no recording allows.
constexpr int k_warm_ups = 3;

void record(at::cuda::CUDAGraph& graph, const std::function<void()>& work) {
  graph.capture_begin();
  try {
    work();
  } catch (...) {
    try {
      graph.capture_end();
    } catch (const std::exception&) {  // what `work` threw says more
    }
    throw;
  }
  graph.capture_end();
}

}  // namespace

struct CudaGraph::Recording {
  at::cuda::CUDAGraph graph;
};

CudaGraph::CudaGraph(const std::string& network, const std::string& what, at::Device device,
                     const std::function<void()>& work) {
  // No stream is recorded but one of its own, which waits for nothing by itself: weights may still be on their way.
  torch::cuda::synchronize(device.index());
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index());
  const c10::cuda::CUDAStreamGuard guard(stream);
  for (int i = 0; i < k_warm_ups; ++i) work();
  stream.synchronize();
  // The graph keeps memory of its own; that of the warm-up would serve nobody.
  c10::cuda::CUDACachingAllocator::emptyCache();
  recording_ = std::make_unique<Recording>();
  try {
    record(recording_->graph, work);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\": its {} cannot be recorded as a CUDA graph on {}: {}; let it stay on the "
                            "GPU, with shapes that depend on no value, or take `cuda_graph: off`",
                            network, what, device.str(), torch_reason(error)));
  }
}

void CudaGraph::replay() { recording_->graph.replay(); }

}  // namespace ekman

#else

namespace ekman {

struct CudaGraph::Recording {};

CudaGraph::CudaGraph(const std::string& network, const std::string&, at::Device device, const std::function<void()>&) {
  throw Error(
      ErrorCode::network,
      fmt::format("network \"{}\" cannot have a CUDA graph on {}: Ekman was built with a LibTorch without CUDA; "
                  "build it with one that has CUDA, or take `cuda_graph: off`",
                  network, device.str()));
}

void CudaGraph::replay() {}

}  // namespace ekman

#endif

namespace ekman {

CudaGraph::~CudaGraph() = default;

}  // namespace ekman
