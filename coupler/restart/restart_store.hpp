// The port to what keeps restart sets, for the ML ranks: adapters/hdf5 has the files. Everything here is
// local to one rank and throws Error with the path and the cause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coupler/restart/restart_header.hpp"

namespace ekman {

// Where one network's part of a set lies.
struct RestartPlace {
  std::string label;
  std::string component;
  std::string network;
};

// One network's file of a set that is being written. Destroyed without finish(): a file that no set will
// hold.
class RestartWriter {
 public:
  virtual ~RestartWriter() = default;
  // Rows [first, first + count) of `array`, which are all beside each other at `values`.
  virtual void write(const RestartArray& array, std::int64_t first, std::int64_t count, const std::byte* values) = 0;
  // The name says the group, or groups, that it lies in: "learned/parameters/0.weight".
  virtual void write(const RestartBlock& block) = 0;
  // On return the file is whole, and on the disk.
  virtual void finish() = 0;
};

// One network's file of a set.
class RestartReader {
 public:
  virtual ~RestartReader() = default;
  virtual const RestartHeader& header() const = 0;
  // For messages.
  virtual const std::string& path() const = 0;
  virtual void read(const RestartArray& array, std::int64_t first, std::int64_t count, std::byte* values) = 0;
  // All blocks in `group`, and in groups of it, by names that begin there; none if there is no such group.
  virtual std::vector<RestartBlock> read_blocks(const std::string& group) = 0;
};

class RestartStore {
 public:
  virtual ~RestartStore() = default;
  // Begins a file; it is no part of a set until publish().
  virtual std::unique_ptr<RestartWriter> create(const std::string& label, const RestartHeader& header) = 0;
  // Makes the finished files of `networks` the component's part of the set, in place of an older one of that
  // label: at every moment one of them is there, whole. One rank calls it, once all files are finished.
  virtual void publish(const std::string& label, const std::string& component,
                       const std::vector<std::string>& networks) = 0;
  virtual std::unique_ptr<RestartReader> open(const RestartPlace& place) = 0;
};

}  // namespace ekman
