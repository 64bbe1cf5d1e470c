// What an ML rank runs: `ekman serve`, or ekman_serve of a model's own executable.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>

#include "coupler/session/startup.hpp"

namespace ekman {

inline constexpr std::int64_t k_start_timeout = 600'000'000;  // microseconds

// Collective over `comm` (MPI handshake v1), together with the components' start, which may take `start_timeout`
// microseconds. Returns when the run is over; errors end the whole job. ML rank 0 reads the plan by `read`.
Plan read_plan_to_serve(const std::string& plan_file);
void serve_on(MPI_Comm comm, const std::string& plan_file, std::int64_t start_timeout,
              PlanReader read = &read_plan_to_serve);

// The same over MPI_COMM_WORLD, from MPI_Init to MPI_Finalize. Returns the exit status.
int serve(int argc, char** argv, const std::string& plan_file, std::int64_t start_timeout);

}  // namespace ekman
