// The plan of benches of the exchange: an echo of field t to dt.
#pragma once

#include <mpi.h>

#include <fstream>
#include <string>

namespace bench {

inline int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

// Collective over MPI_COMM_WORLD. Writes FOLDER/NAME.yaml, whose path is returned; `chunk` in samples.
inline std::string write_echo_plan(const std::string& folder, const std::string& name, int chunk) {
  const std::string path = folder + "/" + name + ".yaml";
  if (world_rank() == 0) {
    std::ofstream(path) << "ekman: 1\n"
                           "components: {atmosphere: {timestep: PT10M}}\n"
                           "networks:\n"
                           "  echo:\n"
                           "    component: atmosphere\n"
                           "    network: {echo: {}}\n"
                        << "    chunk: " << chunk
                        << "\n"
                           "    inputs: [{fields: [t]}]\n"
                           "    outputs: [{fields: [dt]}]\n"
                        << "output: {directory: " << folder << "/run}\n";
  }
  MPI_Barrier(MPI_COMM_WORLD);
  return path;
}

}  // namespace bench
