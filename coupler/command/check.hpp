// `ekman check`: all that can be said of a plan before the job is in the queue, without MPI.
#pragma once

#include <string>

namespace ekman {

struct CheckOptions {
  enum class Output { summary, resolved, dot, svg };
  Output output = Output::summary;
  bool load = true;     // open networks and try their forward
  bool strict = false;  // warnings fail the check
};

// Problems go to stderr, the output to stdout. Returns the exit status: 0 if the plan can be run, 1 if not.
int check(const std::string& plan_file, const CheckOptions& options);

}  // namespace ekman
