// What Ekman does inside MPI_Finalize: it notices one that comes too early, while other ranks still wait for this one,
// and lets the ranks of a job enter it together.
#pragma once

#include <memory>
#include <string>

#include "coupler/comm/communicator.hpp"

namespace ekman {

// While it lives, MPI_Finalize prints `text` and ends the whole job. Made and destroyed by the thread that calls MPI.
class FinalizeWatch {
 public:
  explicit FinalizeWatch(std::string text);
  ~FinalizeWatch();
  FinalizeWatch(const FinalizeWatch&) = delete;
  FinalizeWatch& operator=(const FinalizeWatch&) = delete;

  struct State {
    bool armed = true;
    std::string text;
  };

 private:
  std::unique_ptr<State> state_;
  int keyval_ = 0;
};

// Local. MPI_Finalize of this process waits until all ranks of `all`, which must each call this, have entered theirs.
// Until then none is where an abort of another leaves the launcher hanging; DESIGN.md: "Errors". The wait sleeps.
void finalize_together(Communicator all);

}  // namespace ekman
