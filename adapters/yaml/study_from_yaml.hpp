// YAML file -> Study, and the plan of each of its points.
#pragma once

#include <string>
#include <vector>

#include "adapters/yaml/diagnostics.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "adapters/yaml/plan_path.hpp"
#include "coupler/study/study.hpp"

namespace ekman {

struct StudyReading {
  Study study;
  Diagnostics diagnostics;                 // of the study
  Tree base;                               // the plan; nothing in it if it cannot be read
  std::vector<std::string> base_problems;  // lines: why it cannot
  std::vector<PlanPath> paths;             // of Study::values; none of placeholders
  std::vector<std::vector<Tree>> trees;    // their values
};

// All that can be said of the study without looking at its points. Does not throw for what is wrong in the file.
StudyReading examine_study(const std::string& path);

// The plan of a point, checked as `ekman check` does.
PlanReading examine_point(const StudyReading& reading, const Choice& choice, const ReadArtifact& read_artifact);

}  // namespace ekman
