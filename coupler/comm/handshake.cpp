// Implements handshake.hpp. Each round settles one group name: the lowest rank with an unsettled name announces it.
#include "coupler/comm/handshake.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ekman/error.hpp"

namespace ekman {

namespace {
constexpr int k_version = 1;

int min_over(MPI_Comm comm, int value) {
  int result = value;
  check_mpi(MPI_Allreduce(&value, &result, 1, MPI_INT, MPI_MIN, comm), "MPI_Allreduce");
  return result;
}

std::string announce(MPI_Comm comm, int root, std::string name) {
  int length = static_cast<int>(name.size());
  check_mpi(MPI_Bcast(&length, 1, MPI_INT, root, comm), "MPI_Bcast");
  name.resize(static_cast<std::size_t>(length));
  check_mpi(MPI_Bcast(name.data(), length, MPI_CHAR, root, comm), "MPI_Bcast");
  return name;
}
}  // namespace

std::vector<Communicator> handshake(MPI_Comm comm, const std::vector<std::string>& names) {
  const Communicator all = Communicator::borrow(comm);
  const int version = min_over(comm, k_version);
  if (version != k_version) {
    throw Error(
        ErrorCode::mpi,
        fmt::format("a program of this job speaks version {} of the MPI handshake, Ekman speaks version {}; take "
                    "releases that speak the same",
                    version, k_version));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw Error(ErrorCode::usage,
                  fmt::format("the handshake got the group \"{}\" twice; give each name once", names[i]));
    }
  }
  std::vector<Communicator> comms(names.size());
  while (true) {
    const auto open = std::find_if(comms.begin(), comms.end(), [](const Communicator& c) { return !c; });
    const int root = min_over(comm, open == comms.end() ? all.size() : all.rank());
    if (root == all.size()) return comms;
    const std::string name = announce(comm, root, root == all.rank() ? names[open - comms.begin()] : std::string());
    const auto found = std::find(names.begin(), names.end(), name);
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm, found != names.end() ? 0 : MPI_UNDEFINED, all.rank(), &part), "MPI_Comm_split");
    if (found != names.end()) comms[found - names.begin()] = Communicator::own(part);
  }
}

std::vector<MPI_Comm> handshake_for_model(MPI_Comm comm, const std::vector<std::string>& names) {
  std::vector<MPI_Comm> handles;
  for (Communicator& found : handshake(comm, names)) {
    found.use_errhandler_of(comm);
    handles.push_back(found.release_handle());
  }
  return handles;
}

}  // namespace ekman
