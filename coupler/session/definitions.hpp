// The plan and the definitions of all ranks, compared at enddef before anything is made: every disagreement
// of every rank is told, once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coupler/session/startup.hpp"

namespace ekman {

struct FieldDefinition {
  std::int64_t levels = 1;
  std::string units;
  std::string points;  // name of its point set
};
using Definitions = std::map<std::string, FieldDefinition>;
using PointSets = std::map<std::string, std::vector<std::int64_t>>;  // name -> global ids

// One sentence about a component, or about some of its ranks.
struct Disagreement {
  std::string component;
  std::vector<int> ranks;  // empty: all together
  std::string text;
};

// What is wrong with the definitions of one rank: against the plan, and against those of its component's rank
// 0. One sentence each. An output may be missing if undefined_outputs.hpp says so. Pure.
std::vector<std::string> definition_problems(const Plan& plan, const std::string& component, const Definitions& mine,
                                             const Definitions& of_rank_0);

// Definitions as bytes; names and units may hold any characters. `read_definitions` throws Error for bytes that are
// none.
std::string write_definitions(const Definitions& fields);
Definitions read_definitions(const std::string& bytes);

// A problem of one rank on its way to the others.
inline constexpr int k_all_ranks = -1;
struct ToldProblem {
  std::string component;
  int rank = 0;  // or k_all_ranks
  std::string sentence;
};
std::string write_problems(const std::vector<ToldProblem>& problems);
std::vector<ToldProblem> read_problems(const std::string& bytes);

// Fields that no network of the plan uses. Pure.
std::vector<std::string> unused_fields(const Plan& plan, const std::string& component, const Definitions& mine);

// "rank 3", "ranks 0-2, 5".
std::string rank_list(const std::vector<int>& ranks);

// Collective over job.all, on component ranks and on ML ranks. Throws PrintedError on all ranks if any
// disagrees.
void compare_definitions(const Job& job, const std::string& component, const Definitions& mine,
                         const PointSets& points);
void compare_definitions(const Job& job);

}  // namespace ekman
