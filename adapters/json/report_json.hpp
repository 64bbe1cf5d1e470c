// What the page of `ekman report` draws, as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

// The log of a network that learns, no longer than a curve needs: each value is the mean of `every` steps, NaN where
// none of them has one.
struct LearningCurves {
  std::string network;
  std::int64_t every = 1;
  std::vector<double> step;                                          // the last one of each mean
  std::vector<std::pair<std::string, std::vector<double>>> columns;  // of the log
};

struct ReportContent {
  std::string directory;              // what the page is called by
  std::string warning;                // what a reader must know; empty: nothing
  std::optional<RunProfile> profile;  // nothing: the run was not profiled
  std::vector<LearningCurves> learning;
  std::vector<std::pair<std::string, std::vector<std::string>>> facts;  // versions, nodes, ranks
  std::string plan;                                                     // YAML; empty: it is not there
};

// Fit to stand in a <script> of HTML: without "<". Of ranks more than are drawn one by one a choice is kept, evenly
// from the least to the most busy; of events those of some ranks.
std::string report_json(const ReportContent& content);

}  // namespace ekman
