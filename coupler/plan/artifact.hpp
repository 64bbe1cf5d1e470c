// What a directory that ekman-export wrote says to a plan that names it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ekman {

// Names of its files.
inline constexpr const char* k_artifact_manifest = "manifest.json";
inline constexpr const char* k_artifact_train = "train.pt";
inline constexpr const char* k_artifact_infer = "infer.pt";
inline constexpr const char* k_artifact_optimizer = "optimizer.json";
inline constexpr const char* k_artifact_weights = "checkpoint.safetensors";

struct Artifact {
  std::string sha256;                        // of its manifest, which has those of all other files
  std::map<std::string, std::string> files;  // name -> SHA-256
  std::vector<std::string> supports;         // of jit, cuda_graphs, amp_cpu, amp_gpu
  std::string optimizer;                     // the kind of its optimizer; empty: none
  // A part of a plan as JSON: what stands under the network, with all of `training.optimizer`, and "fields": the levels
  // of its component's fields.
  std::string defaults;

  bool has(const std::string& file) const { return files.find(file) != files.end(); }
};

// Reads that of a directory, and compares its files with its manifest. Throws Error(network).
using ReadArtifact = std::function<Artifact(const std::string& directory)>;

}  // namespace ekman
