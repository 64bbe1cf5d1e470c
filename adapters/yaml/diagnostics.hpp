// The list of problems found in one plan, each with its place in the file and its path in the plan.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// Counted from 1, as editors do.
struct Position {
  int line = 1;
  int column = 1;
};

class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  // `path` is the place in the plan, such as `networks.convection.tile`. Throws what there is at the hundredth error:
  // nobody reads more, and the time that they take must have a bound.
  void add(Position position, const std::string& path, const std::string& sentence,
           Severity severity = Severity::error);
  // At the position of its path.
  void add(const Problem& problem) { add(position_of(problem.path), problem.path, problem.text, problem.severity); }
  // Throws with what there is and this error.
  [[noreturn]] void fail(Position position, const std::string& sentence);
  // Remembers that `path` has no value to judge, without a sentence of its own.
  void mark(const std::string& path) { paths_.insert(path); }
  // Remembers where the value of `path` stands.
  void locate(const std::string& path, Position position) { positions_[path] = position; }
  // The position of `path`, or of the nearest path above it that was located.
  Position position_of(std::string path) const;

  // True if an error lies at `path`, below it, or above it.
  bool touches(const std::string& path) const;
  // True if an error lies at `path` or below it.
  bool any_below(const std::string& path) const;

  std::size_t count(Severity severity) const;
  // One line for each problem as severe as `least` or more, in the order of the file. Control characters of the plan
  // are shown as \xNN, so that they neither break lines nor reach the terminal.
  std::vector<std::string> lines(Severity least) const;
  // Throws Error(ErrorCode::plan) with the lines of all errors; returns if there are none.
  void throw_if_errors() const;

 private:
  [[noreturn]] void throw_errors() const;

  std::string file_;
  int num_errors_ = 0;
  std::set<std::tuple<int, int, Severity, std::string>> problems_;
  std::set<std::string> paths_;  // of errors
  std::map<std::string, Position> positions_;
};

}  // namespace ekman
