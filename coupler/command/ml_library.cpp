// The face of libekman_ml, which coupler/api/ml_library.cpp loads: for ranks of a model's own executable that serve a
// network, and for components whose networks run inline.
#include <mpi.h>

#include "coupler/base/process_tuning.hpp"
#include "coupler/command/inline_network.hpp"
#include "coupler/command/serve.hpp"

extern "C" void ekman_ml_serve(MPI_Comm comm, const char* plan) {
  ekman::tune_process();
  ekman::serve_on(comm, plan, ekman::k_start_timeout);
}

extern "C" const ekman::MlFunctions* ekman_ml_functions() { return &ekman::inline_functions(); }
