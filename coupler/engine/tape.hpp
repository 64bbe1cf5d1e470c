// The port through which an ML rank takes adjoints: graphs of forwards, kept by chunk buffer, last in, first out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ekman {

class Tape {
 public:
  virtual ~Tape() = default;

  // As Engine::forward, with the same bits, and the graph is put on the tape of `slot`. Throws Error(network).
  virtual void forward(std::int64_t slot, const std::byte* in, std::byte* out, std::int64_t rows) = 0;

  // Of the last graph on the tape of `slot`: `out_adjoint`, the derivatives of a number by the outputs, gives
  // `in_adjoint`, those by the inputs; those by the parameters that learn are added to the gradient of the learner.
  // Rows are as those of forward; the ones after `rows` have no part. The graph leaves the tape unless `retain` is set.
  virtual void backward(std::int64_t slot, const std::byte* out_adjoint, std::byte* in_adjoint, std::int64_t rows,
                        bool retain) = 0;

  // Drops all graphs.
  virtual void clear() = 0;
};

}  // namespace ekman
