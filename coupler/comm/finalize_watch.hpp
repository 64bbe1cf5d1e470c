// Notices an MPI_Finalize that comes too early, while other ranks still wait for this one.
#pragma once

#include <memory>
#include <string>

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

}  // namespace ekman
