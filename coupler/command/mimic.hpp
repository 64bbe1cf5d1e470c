// `ekman mimic`: plays components of a plan, so that it can be sized before the model is touched.
#pragma once

#include "coupler/command/mimic_options.hpp"

namespace ekman {

// From MPI_Init to MPI_Finalize. Returns the exit status; errors end the whole job.
int mimic(int argc, char** argv, const MimicOptions& options);

}  // namespace ekman
