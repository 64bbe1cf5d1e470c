// Checkpoints that are whole under their name, or not there.
#pragma once

#include <string>

#include "adapters/torch/checkpoint_file.hpp"
#include "coupler/base/durable_file.hpp"

namespace ekman {

// Throws Error(internal) with path and cause; what was under `path` is there until the new file is whole.
inline void write_whole(const std::string& path, const LearnedState& state) {
  write_checkpoint_file(path + k_partial, state, 0);
  rename_durably(path + k_partial, path);
}

}  // namespace ekman
