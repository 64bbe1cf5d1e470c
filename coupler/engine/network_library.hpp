// The port to the library that loads and runs networks. It takes half a second to load, so only processes with a
// network that needs it do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coupler/engine/checkpoint_store.hpp"
#include "coupler/engine/engine.hpp"
#include "coupler/engine/learner.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// Rows of a route, as a Learner has them.
struct LearningRows {
  RowLayout in;
  RowLayout out;
  RowLayout truth;
};

inline bool needs_library(const NetworkSpec& spec) { return spec.is_computed(); }

class NetworkLibrary {
 public:
  virtual ~NetworkLibrary() = default;

  // Loads the network of `spec` on `device` ("cpu" or "cuda:N") and tries one tile of zeros. Sets the threads of the
  // process: before any other call that computes. Throws Error(network).
  virtual std::unique_ptr<Engine> make_engine(const NetworkSpec& spec, const LearningRows& rows,
                                              const std::string& device, int threads) const = 0;

  // Opens the file of `spec` on the CPU and looks no further; throws as make_engine does. Nothing is opened for
  // networks that have no file.
  virtual NetworkSize open_network(const NetworkSpec& spec) const = 0;

  // All mistakes in `trainable`, `frozen` and `loss` of a network that learns, each at its key. Names of parameters,
  // files and methods of losses are looked at without `rows`, which are for plans whose levels are known; with them
  // each term is tried too. Throws Error(network) for a network that cannot be opened.
  virtual std::vector<Problem> learning_problems(const NetworkSpec& spec,
                                                 const std::optional<LearningRows>& rows) const = 0;

  // For one rank of the network. Makes the directory of checkpoints, below `output_directory`, and removes what a
  // killed run was writing there. `step` is the one that learning goes on from (0: afresh). Throws Error(plan) if there
  // are later steps and they are refused; Error(internal) if the directory cannot be made or written to.
  virtual std::unique_ptr<CheckpointStore> make_checkpoint_store(const NetworkSpec& spec,
                                                                 const std::string& output_directory, std::int64_t step,
                                                                 LaterSteps later) const = 0;

  // What spec.training.resume asks for: `latest` or `best` of the directory, or a file. Nothing if it asks for nothing,
  // or for `latest` where there is none yet. Throws Error(network) for a file that cannot be read.
  virtual std::optional<Checkpoint> find_resume(const NetworkSpec& spec, const std::string& output_directory) const = 0;

  // Lines on a TorchScript file: class, methods, parameters and buffers with kind and shape, SHA-256. Throws
  // Error(network).
  virtual std::vector<std::string> describe_script(const std::string& path) const = 0;

  // GPUs of this node that it can use.
  virtual int gpu_count() const = 0;

  // For the record of the run, for instance "LibTorch 1.13.1, OpenBLAS SkylakeX, no GPU".
  virtual std::string summary() const = 0;

  // One sentence for each reason why it is slower on this CPU than it could be; changes nothing.
  virtual std::vector<std::string> blas_warnings() const = 0;
};

}  // namespace ekman
