// The networks of this process that Fortran holds.
#pragma once

#include "adapters/tensor/local_network.hpp"
#include "adapters/tensor/objects.hpp"

namespace ekman {

Objects<LocalNetwork>& networks();

}  // namespace ekman
