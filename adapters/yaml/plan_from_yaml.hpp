// YAML file -> Plan: load the tree, compare it with the key table, read the values, cross-check the whole.
#pragma once

#include <string>

#include "adapters/yaml/diagnostics.hpp"
#include "adapters/yaml/tree.hpp"
#include "coupler/plan/artifact.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// A plan with all that there is to say about it. With errors among the diagnostics the plan is not fit to be
// run.
struct PlanReading {
  Plan plan;
  Diagnostics diagnostics;
};

// `read_artifact` is for networks that are artifacts; without it they are refused.
PlanReading examine_plan(const std::string& path, const ReadArtifact& read_artifact = nullptr);

// The plan in file `path`, complete with all defaults. Throws Error(ErrorCode::plan) whose text has all
// problems, one line each: `plan.yaml:12:5: error: unknown key "chnk"; did you mean "chunk"?`
Plan read_plan(const std::string& path);

// The same for text in memory; `file_name` is for messages, and relative files are relative to its folder.
PlanReading examine_text(const std::string& text, const std::string& file_name,
                         const ReadArtifact& read_artifact = nullptr);
Plan parse_plan(const std::string& text, const std::string& file_name);

// The same for a tree that was loaded, and perhaps changed.
PlanReading examine_tree(Tree root, const std::string& file_name, const ReadArtifact& read_artifact = nullptr);

}  // namespace ekman
