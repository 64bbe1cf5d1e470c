// The networks and optimizers that Fortran holds, by numbers that are given once: one that is gone is known as such,
// and a second release does nothing, as with tensors (handles.hpp).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "adapters/tensor/handles.hpp"
#include "ekman/error.hpp"

namespace ekman {

// Shared, since a call that was begun goes on with an object that is freed meanwhile. Any thread may call.
template <class Object>
class Objects {
 public:
  explicit Objects(const char* word) : word_(word) {}

  std::int64_t keep(std::shared_ptr<Object> object) {
    const std::lock_guard<std::mutex> lock(mutex_);
    objects_[++last_] = std::move(object);
    return last_;
  }
  void give(TensorRef* result, std::shared_ptr<Object> object) { *result = {keep(std::move(object)), 1}; }

  // What is behind an argument of a call; the value of an expression is taken out. Throws Error(usage).
  std::shared_ptr<Object> argument(const TensorRef& ref) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = find(ref.handle);
    std::shared_ptr<Object> object = found->second;
    if (ref.temporary != 0) objects_.erase(found);
    return object;
  }

  // The same object under a new number; the old one names nothing from now on. Throws Error(usage).
  std::int64_t renewed(std::int64_t handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = find(handle);
    objects_[++last_] = std::move(found->second);
    objects_.erase(found);
    return last_;
  }

  void release(std::int64_t handle) {
    std::shared_ptr<Object> object;  // freed without the lock
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = objects_.find(handle);
    if (found == objects_.end()) return;
    object = std::move(found->second);
    objects_.erase(found);
  }

  std::int64_t count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<std::int64_t>(objects_.size());
  }

 private:
  using Map = std::map<std::int64_t, std::shared_ptr<Object>>;

  typename Map::iterator find(std::int64_t handle) {
    const auto found = objects_.find(handle);
    if (found != objects_.end()) return found;
    if (handle == 0)
      throw Error(ErrorCode::usage, fmt::format("the {} was never given a value; make one before", word_));
    throw Error(ErrorCode::usage,
                fmt::format("the {} is gone, since its first use takes the value of an expression, or since it was a "
                            "copy made without an assignment; assign it to a variable, and use that",
                            word_));
  }

  const char* word_;
  std::mutex mutex_;
  Map objects_;
  std::int64_t last_ = 0;
};

}  // namespace ekman
