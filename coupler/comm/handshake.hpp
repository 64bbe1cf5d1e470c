// The MPI handshake v1 that YAC, ICON and XIOS speak: groups of ranks of one communicator find each other by name.
#pragma once

#include <string>
#include <vector>

#include "coupler/comm/communicator.hpp"

namespace ekman {

// Collective over `comm`, which every rank of it must enter in one round. Returns for each of `names` (may be
// empty: a rank that takes part in no group) the communicator of all ranks that gave that name, in rank order.
// Throws Error(mpi) if the ranks do not speak version 1.
std::vector<Communicator> handshake(MPI_Comm comm, const std::vector<std::string>& names);

// Collective. The same for the model: handles that are the caller's to free and that treat errors as `comm` does.
std::vector<MPI_Comm> handshake_for_model(MPI_Comm comm, const std::vector<std::string>& names);

}  // namespace ekman
