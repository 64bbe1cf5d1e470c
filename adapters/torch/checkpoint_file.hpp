// A checkpoint as one file in the layout of safetensors: the length of a header (8 bytes, little-endian), the header as
// JSON, raw data. What else stands in its `__metadata__` (texts): format, ekman (version), step, network (JSON),
// script_sha256 of the TorchScript file that was written with it, if one was, and sha256, of the whole file with these
// 64 digits as zeros.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/engine/checkpoint_store.hpp"

namespace ekman {

// Writes the file and brings it to the disk; what was in `path` is gone. Throws Error(internal) with path and cause.
void write_checkpoint_file(const std::string& path, const LearnedState& state, std::int64_t step,
                           const std::string& script_sha256 = "");

// Throws Error(network) with path and cause for whatever is not such a file, whole and unchanged.
Checkpoint read_checkpoint_file(const std::string& path);

// Endings of the TorchScript file beside a checkpoint, and of what is being written.
inline constexpr const char* k_script = ".pt";
inline constexpr const char* k_partial = ".partial";

// The TorchScript file that was written with it: the file beside it, or one whose name a killed run could not change
// any more; "" if it is not there.
std::string script_beside(const Checkpoint& checkpoint);

}  // namespace ekman
