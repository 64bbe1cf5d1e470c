// Work on a GPU that is recorded once and replayed at the price of one launch. No type of CUDA is needed here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/torch/compat.hpp"

namespace ekman {

class CudaGraph {
 public:
  // Does `work` on the GPU `device` some times, then records it; `what` it is for messages, such as "forward". Whatever
  // it reads, writes and keeps stays alive and at its address as long as the graph; what it decides on the CPU stays as
  // it was decided here. Throws Error(network), which names `network`, if it cannot be recorded, and where Ekman was
  // built without CUDA.
  CudaGraph(const std::string& network, const std::string& what, at::Device device, const std::function<void()>& work);
  ~CudaGraph();

  // Starts the recorded work on the current stream of the device, and does not wait for its end.
  void replay();

 private:
  struct Recording;
  std::unique_ptr<Recording> recording_;
};

}  // namespace ekman
