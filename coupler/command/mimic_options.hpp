// What `ekman mimic` is told on its command line, and what that means for each component of a plan.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// As they were written. Where `named` stands, the text is one value for all, "name=value" for each, or both: "30,t=60".
struct MimicOptions {
  std::string plan;
  std::string component;         // empty: as `ranks` says, or the only one of the plan
  std::string ranks;             // "atmosphere=6,ocean=2": ranks of each, in that order
  std::string points;            // named by component: on all its ranks together, where the plan does not say
  std::string levels;            // named by field, where the plan does not say
  std::string step_time = "0s";  // named by component
  std::string point_time;        // the same, for each point that a rank has
  double imbalance = 0.0;
  bool sleep = false;
  bool barrier = true;
  std::int64_t steps = 10;
  std::int64_t seed = 0;
};

// How one component is played.
struct PlayOptions {
  std::int64_t steps = 10;
  std::int64_t points = -1;                    // on all ranks together; -1: as the plan says
  std::int64_t default_levels = 0;             // where neither the plan nor `levels` says; 0: 1, with a note
  std::map<std::string, std::int64_t> levels;  // by field
  double step_seconds = 0.0;                   // of physics in a step,
  double point_seconds = 0.0;                  // and of each point of the rank besides
  double imbalance = 0.0;                      // part by which the last rank takes longer than the first
  bool busy = true;                            // physics keeps its core at work
  bool barrier = true;                         // ranks begin each step together
  std::int64_t seed = 0;
};

// Throws Error(usage) for options that cannot be meant, names that are not in the plan among them.
PlayOptions play_options(const MimicOptions& options, const Plan& plan, const std::string& component);

// Components and their ranks, in the order of the ranks. Throws Error(usage) unless all are components of the plan,
// each once, and their ranks are `size` together.
std::vector<std::pair<std::string, int>> parse_ranks(const std::string& text, const Plan& plan, int size);

// "5ms", "0.8s", "200us", "PT1M": seconds. Throws Error(usage) naming `option`.
double parse_seconds(const std::string& text, const std::string& option);

}  // namespace ekman
