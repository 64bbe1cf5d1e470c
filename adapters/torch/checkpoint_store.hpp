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

// What becomes of checkpoints of later steps than the one that learning goes on from, which would be taken for this
// run's. Those put aside end in .old.safetensors (.old2. if there are such, and so on), the best one among them: nobody
// looks for them, and they can be named as files.
enum class LaterSteps { refuse, remove, put_aside };

// For one rank of the network. Makes the directory, and removes what a killed run was writing there. `step` is the one
// that learning goes on from (0: afresh). Throws Error(plan) if there are later steps and they are refused;
// Error(internal) if the directory cannot be made or written to.
std::unique_ptr<CheckpointStore> make_checkpoint_store(const NetworkSpec& spec, const std::string& output_directory,
                                                       std::int64_t step, LaterSteps later = LaterSteps::refuse);

// What spec.training.resume asks for: `latest` or `best` of the directory, or a file. Nothing if it asks for nothing,
// or for `latest` where there is none yet. Throws Error(network) for a file that cannot be read.
std::optional<Checkpoint> find_resume(const NetworkSpec& spec, const std::string& output_directory);

}  // namespace ekman
