// `ekman sweep`: runs the points of a study, and makes tables and figures of them.
#pragma once

#include <string>

namespace ekman {

struct SweepOptions {
  std::string study;   // the file
  std::string output;  // directory of the results; empty: the name of the study, beside its file
  bool print = false;  // tell what would be run, and run nothing
  bool retry_failed = false;
  bool figure = true;
};

// Returns the exit status: 0 if all points are done, 1 if some failed or the study is wrong, 130 if it was stopped.
int sweep(const SweepOptions& options);

}  // namespace ekman
