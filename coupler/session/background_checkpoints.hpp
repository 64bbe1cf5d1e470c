// Checkpoints that are written while the network learns on and is served: what is slow about them is the disk.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include "coupler/engine/checkpoint_store.hpp"

namespace ekman {

// Calls of one thread, the writing in another: one write at a time, in the order of the calls. A call waits for the
// write before it, and throws what that threw: no error is lost, and no more than one copy is held.
class BackgroundCheckpoints final : public CheckpointStore {
 public:
  // `store` is used by one thread at a time.
  explicit BackgroundCheckpoints(std::unique_ptr<CheckpointStore> store) : store_(std::move(store)) {}

  void write(LearnedCopy copy) override;
  void write_best(LearnedCopy copy) override;
  // Throws what a write has thrown that is over; waits for none.
  void check();
  // Waits until all is written, and throws what went wrong. Without it the destructor waits, and says nothing.
  void finish();

 private:
  void start(void (CheckpointStore::*write)(LearnedCopy), LearnedCopy copy);

  std::unique_ptr<CheckpointStore> store_;
  std::future<void> writing_;  // goes before the store, and waits
};

}  // namespace ekman
