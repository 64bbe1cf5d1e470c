// Ekman's one exception type. Misuse of Ekman (a wrong plan, a wrong call) throws it; every boundary to C,
// Fortran or main() turns it into a code and one sentence.
#pragma once

#include <stdexcept>
#include <string>

namespace ekman {

// Codes as they reach C and Fortran (`ierr`); 0 is success.
enum class ErrorCode : int {
  usage = 1,     // a call that breaks the contract: order, names, shapes
  plan = 2,      // the YAML plan is wrong, or does not fit the definitions
  network = 3,   // a network cannot be loaded, or does not fit its fields
  mpi = 4,       // an MPI call failed
  internal = 5,  // anything else
};

// What was asked, what was found, the remedy: one sentence each, in `what()`.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace ekman
