// The list of problems found in one plan, each with its place in the file and its path in the plan.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace ekman {

// Counted from 1, as editors do.
struct Position {
  int line = 1;
  int column = 1;
};

class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  // `path` is the place in the plan, such as `networks.convection.tile`.
  void add(Position position, const std::string& path, const std::string& sentence);
  // Remembers that `path` has no value to judge, without a sentence of its own.
  void mark(const std::string& path) { paths_.insert(path); }
  // Remembers where the value of `path` stands.
  void locate(const std::string& path, Position position) { positions_[path] = position; }
  // The position of `path`, or of the nearest path above it that was located.
  Position position_of(std::string path) const;

  // True if a problem lies at `path`, below it, or above it.
  bool touches(const std::string& path) const;
  // True if a problem lies at `path` or below it.
  bool any_below(const std::string& path) const;

  // Throws Error(ErrorCode::plan) with one line for each problem, in the order of the file; returns if none.
  void throw_if_any() const;

 private:
  std::string file_;
  std::set<std::tuple<int, int, std::string>> problems_;
  std::set<std::string> paths_;
  std::map<std::string, Position> positions_;
};

}  // namespace ekman
