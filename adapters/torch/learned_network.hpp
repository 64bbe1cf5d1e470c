// What a learned state says of its network, as JSON: enough to make a built-in one again, and to tell others apart.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coupler/engine/engine.hpp"

namespace ekman {

// {"kind": "builtin", "name": "unet", "arguments": {"depth": 3, "padding": {"x": "periodic", ...}, ...}, "seed": ...},
// with "library" for a network of the user's own, or {"kind": "torchscript", "file": ..., "sha256": ...}; both with
// "inputs" and "outputs", values of a row, "compute", "normalize": {field: {mean,
// std} or "running"}, and what the shape of a learned state depends on: "optimizer", "loss", "validation" and "frozen",
// the names of parameters that do not learn. "optimizer_options", as a plan has them, and "complex", the names of
// complex parameters and buffers, are for those who read the file. Ekman 0.1.0 wrote {"kind": "mlp", "hidden": [...],
// "activation": ..., "seed": ...} of the one built-in network that it had, which is read too.
std::string network_json(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                         const std::vector<std::string>& frozen, const std::vector<std::string>& complex = {});

// The first thing in which the network of `json` is another than that of network_json(), in words of the plan; "" if
// there is none. Seeds and the places of files may differ.
std::string network_difference(const std::string& json, const NetworkSpec& spec, const RowLayout& in,
                               const RowLayout& out, const std::vector<std::string>& frozen);

// Mean and std of the fields that it normalises by constants. Throws as network_source().
std::map<std::string, Normalization> network_constants(const std::string& json);

// The source that makes the network of `json`: a built-in one, or its file. Throws Error(network) for what is no such
// text.
NetworkSource network_source(const std::string& json);

// Values of a row that go into it and come out.
struct RowLengths {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
};
RowLengths network_lengths(const std::string& json);

}  // namespace ekman
