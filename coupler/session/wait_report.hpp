// Whether a wait is over its time, and who waits for whom then: from the records of a node to a text. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"
#include "coupler/session/field_numbers.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// What a rank of a node sees. Times are node_milliseconds().
struct Scene {
  const Plan* plan = nullptr;
  const FieldNumbers* fields = nullptr;
  std::string node;          // its name
  std::string stranger;      // how this rank is called before its Identity is known
  std::int64_t timeout = 0;  // milliseconds
  std::int64_t timeout_physics = 0;
  std::int64_t now = 0;
  int me = 0;                    // index of this rank in `ranks`
  std::vector<RankState> ranks;  // of this node

  // Time that counts since then: the watcher's own stops are left out.
  std::function<std::int64_t(std::int64_t since)> elapsed;
  // Of rank i, whose process another may have stopped or ended. `since`: when this was first seen, without a
  // break.
  struct Process {
    ProcessState state = ProcessState::running;
    std::int64_t since = 0;
  };
  std::function<Process(int i)> process;
};

// The report, if this rank waits and its time is up; else empty. The first line is an error sentence, then
// there is one for each rank of the chain, and last the remedy.
//
// A wait is followed from rank to rank to its ends. Its time is up when all of its links have lasted for
// `timeout`; where it ends at a component rank that is in its own code, or out of sight (where it may be in
// its own code), for `timeout_physics`; and in any case after `timeout_physics`. An ML rank that waits for
// inputs counts from the last call of that component rank; out of sight it allows twice `timeout_physics` for
// each step between exchanges, if none of the rows that it waits for is there.
std::string judge_wait(const Scene& scene);

}  // namespace ekman
