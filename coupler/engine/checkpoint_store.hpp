// The port through which an ML rank keeps what its network has learned, by optimizer step.
#pragma once

#include <cstdint>
#include <memory>

#include "coupler/engine/learner.hpp"

namespace ekman {

// Each call throws Error(internal) with path and cause; what was whole before is whole after it.
class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  // Keeps the state of `learner` as that of `step`, and drops those older than the last `keep`.
  virtual void write(const Learner& learner, std::int64_t step) = 0;
  // Keeps it as the best one.
  virtual void write_best(const Learner& learner) = 0;
};

}  // namespace ekman
