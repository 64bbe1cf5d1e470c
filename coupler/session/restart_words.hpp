// What component ranks and owners of chunks tell each other of a restart set, as the words of a message.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// A component rank asks the owner of some of its chunks: to write the set, in which case it sends the partial
// reductions right after, or to publish it, when the files of all networks are finished.
struct RestartRequest {
  bool publish = false;
  std::int64_t step = 1;       // the next one
  std::int64_t exchanges = 0;  // that the sender has made, so that the owner knows when it has seen all of them
  std::int64_t turns = 0;      // the same of a network with a tape: exchanges and passes of adjoints
  bool drops = false;          // gradients and the tape are dropped before the next turn
  std::vector<Real> kinds;     // of the partial reductions, one for each field that is reduced; empty: there are none
  std::string label;
};

bool operator==(const RestartRequest& a, const RestartRequest& b);

std::vector<std::int64_t> to_words(const RestartRequest& request);
// Throws Error(internal) for words that are no request.
RestartRequest read_request(const std::vector<std::int64_t>& words);

}  // namespace ekman
