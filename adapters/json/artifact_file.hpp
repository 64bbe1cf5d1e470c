// Reads the manifest of a directory that ekman-export wrote, and holds its files against it.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/artifact.hpp"

namespace ekman {

// As ReadArtifact says.
Artifact read_artifact(const std::string& directory);

// What is in it, line by line: where it came from, arguments, parameters, what it supports, its files. Throws as
// read_artifact() does.
std::vector<std::string> describe_artifact(const std::string& directory);

}  // namespace ekman
