// The functions of libekman_ml for components whose networks run inline; see coupler/engine/ml_functions.hpp.
#pragma once

#include "coupler/engine/ml_functions.hpp"

namespace ekman {

const MlFunctions& inline_functions();

}  // namespace ekman
