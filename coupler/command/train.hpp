// `ekman train`: networks learn from recordings.
#pragma once

#include <string>
#include <vector>

namespace ekman {

struct TrainOptions {
  std::string plan;
  std::vector<std::string> data;  // files, or patterns of the shell
  std::string network;            // empty: the plan has one that learns
};

// Over MPI_COMM_WORLD, from MPI_Init to MPI_Finalize. Returns the exit status; errors end the whole job.
int train(int argc, char** argv, const TrainOptions& options);

}  // namespace ekman
