// Whether the ML ranks of one network compute alike: if they do not, who owns a chunk changes its bits.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// One ML rank: where it is, and its Engine::arithmetic().
struct RankArithmetic {
  int ml_rank = 0;
  std::string node;
  std::string arithmetic;
};

// A sentence that names each kind of arithmetic with its first rank, or "" if all are alike.
std::string compare_arithmetic(const std::string& network, const std::vector<RankArithmetic>& ranks);

}  // namespace ekman
