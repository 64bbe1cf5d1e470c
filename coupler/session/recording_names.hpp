// Names of a network's recordings: <stem>-<network>-<ML rank of it>-<number><ending>, below the output directory.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/plan/plan.hpp"

namespace ekman {

class RecordingNames {
 public:
  RecordingNames(const Plan& plan, const NetworkSpec& network);

  // `rank`: of the network, from 0; `number`: of its files, from 0.
  std::string path(int rank, std::int64_t number) const;

  // What earlier runs have left, finished or not.
  struct Found {
    std::string file;        // one of them; empty: none
    std::int64_t next = 0;   // the number behind the greatest one of any rank
    std::int64_t bytes = 0;  // of all files of `rank`
  };
  Found find(int rank) const;

 private:
  std::string folder_, stem_, ending_;
};

}  // namespace ekman
