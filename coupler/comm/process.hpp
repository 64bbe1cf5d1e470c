// MPI for a program of our own, started and ended with an object; what MPI says of itself and of this node.
#pragma once

#include <string>

namespace ekman {

// MPI_Init_thread(FUNNELED) to MPI_Finalize.
class MpiProcess {
 public:
  MpiProcess(int* argc, char*** argv);
  ~MpiProcess();
  MpiProcess(const MpiProcess&) = delete;
  MpiProcess& operator=(const MpiProcess&) = delete;
};

// The name of this node.
std::string node_name();

// For instance "Open MPI v4.1.4".
std::string mpi_library();

}  // namespace ekman
