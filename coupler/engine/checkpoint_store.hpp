// The port through which an ML rank keeps what its network has learned, by optimizer step.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "coupler/engine/learner.hpp"

namespace ekman {

// What a checkpoint is made of: copies, which learning does not change.
struct LearnedCopy {
  std::int64_t step = 0;
  LearnedState state;
  std::string script;  // Learner::script()
};

inline LearnedCopy copy_of(const Learner& learner) { return {learner.last().step, learner.state(), learner.script()}; }

// What was written, as it is read back.
struct Checkpoint {
  std::string path;
  std::string version;  // of the Ekman that wrote it
  std::int64_t step = 0;
  LearnedState state;              // arrays of 8-byte values first
  std::string script_sha256 = "";  // empty: there is none
};

// What becomes of checkpoints of later steps than the one that learning goes on from, which would be taken for this
// run's. Those put aside end in .old.safetensors (.old2. if there are such, and so on), the best one among them: nobody
// looks for them, and they can be named as files.
enum class LaterSteps { refuse, remove, put_aside };

// Each call throws Error(internal) with path and cause; what was whole before is whole after it.
class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  // Keeps the copy by its step, and drops those older than the last `keep`.
  virtual void write(LearnedCopy copy) = 0;
  // Keeps it as the best one.
  virtual void write_best(LearnedCopy copy) = 0;
};

}  // namespace ekman
