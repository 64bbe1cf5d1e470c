// Errors of set-up that one rank finds and all must learn: nobody goes on alone into a collective.
#pragma once

#include <string>

#include "coupler/comm/communicator.hpp"
#include "ekman/error.hpp"

namespace ekman {

// An error that its finder has printed already; the others need not repeat it.
class PrintedError : public Error {
 public:
  using Error::Error;
};

// Collective. `problem` is empty on ranks that found none. If any rank found one, the lowest such rank prints its
// sentence, and every rank throws PrintedError with it.
void agree(const Communicator& comm, ErrorCode code, const std::string& problem);

}  // namespace ekman
