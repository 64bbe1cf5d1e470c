// A network of the torch engine that learns.
#pragma once

#include <memory>

#include "adapters/torch/running_normalization.hpp"
#include "adapters/torch/torch_network.hpp"
#include "adapters/torch/training_graph.hpp"
#include "coupler/engine/learner.hpp"

namespace ekman {

class TorchLearner : public Learner {
 public:
  // Running normalisation goes on from there, before the first step; of no effect with a tape.
  virtual void begin_with(RunningNormalization::Statistics statistics) = 0;

  // What the optimizer remembers comes from the arrays "optimizer/..." of the file `from`, written of an optimizer of
  // that kind, before the first step. If they do not fit nothing is changed, and describe() says why.
  virtual void begin_with_optimizer(const std::vector<NamedArray>& arrays, const std::string& kind,
                                    const std::string& from) = 0;

  // As Engine has it.
  virtual void profile(Profile* profile) = 0;

  // Before autograd adds to the gradients of the parameters from outside of add().
  virtual void begin_backward() = 0;

  // Whether a forward of so many rows of `chunk`, whose graph is given to keep(), spares add() its own: not if rows are
  // held out, or the graphs of other chunks fill the memory for them.
  virtual bool wants_graph(std::int64_t chunk, std::int64_t rows) const = 0;
  // `outs`: of each tile what the network gave for inputs as they are. For the next lesson of `chunk` that is no
  // replay, before the next step.
  virtual void keep(std::int64_t chunk, std::vector<at::Tensor> outs) = 0;
};

// `network` outlives the learner, which changes its parameters and buffers in place and leaves it in eval mode. `truth`
// is the row layout of truth_fields_of(spec); `in_constants`, of the input rows, are shared with whoever serves the
// network, and change at a step if some are running. With a tape there is no loss here: gradients come from the tape,
// no sum of weights divides them, and nothing may be added. Throws Error: what cannot learn, and losses whose shapes do
// not fit. `record`: what a tile does is recorded once and replayed, if it can be; none: it never is.
std::unique_ptr<TorchLearner> make_torch_learner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in,
                                                 const RowLayout& out, const RowLayout& truth,
                                                 const RowNormalization& in_constants, const Recorder& record = {});

}  // namespace ekman
