// `ekman serve`: what an ML rank runs.
#pragma once

#include <string>

namespace ekman {

// Collective, together with the components' start. Returns the exit status; errors end the whole job.
int serve(int argc, char** argv, const std::string& plan_file);

}  // namespace ekman
