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

// Fields of the network's rows that are not under `normalize` of the plan are normalised as they were when it learned:
// they are added there, with their constants or as running. take_normalization puts into `constants`, of rows of `in`,
// what was learned of all running fields.
void add_normalization(const Checkpoint& checkpoint, const RowLayout& in, const RowLayout& out,
                       std::map<std::string, Normalization>& normalize);
void take_normalization(const NetworkSpec& spec, const Checkpoint& checkpoint, const RowLayout& in,
                        const RowNormalization& constants);

// Counts the parameters of the checkpoint's network.
NetworkSize size_of_checkpoint(const Checkpoint& checkpoint);

}  // namespace ekman
