// The network of a checkpoint, made again from its files alone: to be served, or to learn on.
#pragma once

#include <map>
#include <string>

#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/running_normalization.hpp"
#include "adapters/torch/torch_network.hpp"

namespace ekman {

// What makes the network again: a built-in one with the arguments that stand in the checkpoint, or the TorchScript file
// beside it. The library of `spec`, which names the checkpoint, takes the place of the one there. Throws Error(network)
// that names the network of the plan, if that is not there.
NetworkSource source_of_checkpoint(const NetworkSpec& spec, const Checkpoint& checkpoint);

// Copies parameters and buffers into a built-in network; the kind of real may be another. Throws
// Error(network) with the first one that is not in the checkpoint with its shape.
void take_weights(const std::string& network, const Checkpoint& checkpoint, TorchNetwork& to);
void take_weights(const std::string& network, const Checkpoint& checkpoint,
                  const std::vector<NamedParameter>& parameters, const std::vector<NamedParameter>& buffers);

// Fields of the network's rows that are not under `normalize` of the plan are normalised as they were when it learned:
// they are added there with their constants. Of running fields that was what they had learned last, which is also what
// those have that the plan names and that learn no more.
void add_normalization(const Checkpoint& checkpoint, const RowLayout& in, const RowLayout& out, NetworkSpec& spec);

// Fields that the plan normalises by other constants than the checkpoint's network learned with, by name.
std::vector<std::string> fields_normalised_otherwise(const NetworkSpec& spec, const Checkpoint& checkpoint,
                                                     const RowLayout& in, const RowLayout& out);

// What was learned of the running fields of `spec`, to go on from; nothing if the checkpoint has none of them.
RunningNormalization::Statistics learned_statistics(const NetworkSpec& spec, const Checkpoint& checkpoint,
                                                    const RowLayout& in);

// Counts the parameters of the checkpoint's network.
NetworkSize size_of_checkpoint(const Checkpoint& checkpoint);

}  // namespace ekman
