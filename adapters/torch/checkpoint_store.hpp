// Checkpoints of a network as files in the plan's checkpoint.directory, below output.directory:
// <network>-<step>.safetensors, eight digits of the step, and <network>-best.safetensors; beside each, for a network
// from a TorchScript file, the same name with .pt. While one is written it ends in .partial.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "adapters/torch/checkpoint_file.hpp"
#include "coupler/engine/checkpoint_store.hpp"

namespace ekman {

// Both as NetworkLibrary says.
std::unique_ptr<CheckpointStore> make_checkpoint_store(const NetworkSpec& spec, const std::string& output_directory,
                                                       std::int64_t step, LaterSteps later = LaterSteps::refuse);
std::optional<Checkpoint> find_resume(const NetworkSpec& spec, const std::string& output_directory);

}  // namespace ekman
