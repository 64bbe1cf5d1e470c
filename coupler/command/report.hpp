// `ekman report`: what a run did, as a page, as text, or as a trace.
#pragma once

#include <string>

namespace ekman {

struct ReportOptions {
  enum class Kind { page, text, trace };
  std::string directory;  // output.directory of the run
  Kind kind = Kind::page;
  std::string output;  // file; empty: report.html or trace.json in the directory
};

// Throws Error if the directory has nothing of a run, or not what is asked for.
void report(const ReportOptions& options);

}  // namespace ekman
