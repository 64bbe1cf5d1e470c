// libekman_ml, where LibTorch is: loaded when a model asks for it, since libekman needs MPI only.
#pragma once

#include "coupler/engine/ml_functions.hpp"

namespace ekman {

// Loads the library at the first call. Throws Error(usage) if it is not there, or of another version.
const MlFunctions& ml_functions();

}  // namespace ekman
