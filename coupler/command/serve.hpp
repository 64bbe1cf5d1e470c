// `ekman serve`: what an ML rank runs.
#pragma once

#include <cstdint>
#include <string>

namespace ekman {

// Collective, together with the components' start, which may take `start_timeout` microseconds. Returns the exit
// status; errors end the whole job.
int serve(int argc, char** argv, const std::string& plan_file, std::int64_t start_timeout);

}  // namespace ekman
