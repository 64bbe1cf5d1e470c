// Implements background_checkpoints.hpp.
#include "coupler/session/background_checkpoints.hpp"

#include <chrono>

namespace ekman {

void BackgroundCheckpoints::write(LearnedCopy copy) { start(&CheckpointStore::write, std::move(copy)); }

void BackgroundCheckpoints::write_best(LearnedCopy copy) { start(&CheckpointStore::write_best, std::move(copy)); }

void BackgroundCheckpoints::start(void (CheckpointStore::*write)(LearnedCopy), LearnedCopy copy) {
  finish();
  // The copy goes with the call, not with the future.
  writing_ = std::async(std::launch::async, [store = store_.get(), write, copy = std::move(copy)]() mutable {
    (store->*write)(std::move(copy));
  });
}

void BackgroundCheckpoints::check() {
  if (writing_.valid() && writing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) writing_.get();
}

void BackgroundCheckpoints::finish() {
  if (writing_.valid()) writing_.get();
}

}  // namespace ekman
