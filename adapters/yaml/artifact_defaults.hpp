// `network: {artifact: DIRECTORY}`: what the artifact says becomes part of the plan where that says nothing, before any
// key is checked.
#pragma once

#include <map>
#include <string>

#include "adapters/yaml/tree.hpp"
#include "coupler/plan/artifact.hpp"

namespace ekman {

// Adds to `root`, a plan that stands in `plan_file`. What is added has the position of the key `artifact`; notes say
// what came from there, and where the plan says otherwise. Returns the artifacts by network. Throws through
// `diagnostics` if one cannot be read; what the plan asks of one that it has not, goes there too.
std::map<std::string, Artifact> add_artifact_defaults(Tree& root, const std::string& plan_file,
                                                      const ReadArtifact& read_artifact, Diagnostics& diagnostics);

}  // namespace ekman
