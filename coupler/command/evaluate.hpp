// `ekman evaluate` and `ekman predict`: how good a network is on recordings, and what it says beside the truth.
#pragma once

#include <string>
#include <vector>

namespace ekman {

struct EvaluateOptions {
  std::string plan;
  std::vector<std::string> data;    // files, or patterns of the shell
  std::string network;              // empty: the plan has one that learns
  std::string checkpoint = "best";  // `best` or `latest` of its directory, a file, or `plan`: what the plan has
  std::string part = "test";        // validation, train, all
  bool figure = true;               // evaluate only: have Python draw one
};

// Both over MPI_COMM_WORLD, from MPI_Init to MPI_Finalize. They return the exit status; errors end the whole job.
int evaluate(int argc, char** argv, const EvaluateOptions& options);
int predict(int argc, char** argv, const EvaluateOptions& options);

}  // namespace ekman
