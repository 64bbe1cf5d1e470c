// A checkpoint as one file in the layout of safetensors: the length of a header (8 bytes, little-endian), the header as
// JSON, raw data. What else stands in its `__metadata__` (texts): format, ekman (version), step, network (JSON), and
// sha256, of the whole file with these 64 digits as zeros.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/engine/learner.hpp"

namespace ekman {

struct Checkpoint {
  std::string path;
  std::string version;  // of the Ekman that wrote it
  std::int64_t step = 0;
  LearnedState state;  // arrays of 8-byte values first
};

// Writes the file and brings it to the disk; what was in `path` is gone. Throws Error(internal) with path and cause.
void write_checkpoint_file(const std::string& path, const LearnedState& state, std::int64_t step);

// Throws Error(network) with path and cause for whatever is not such a file, whole and unchanged.
Checkpoint read_checkpoint_file(const std::string& path);

}  // namespace ekman
