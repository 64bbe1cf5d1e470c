// Plays one component of a plan by the public interface: `ekman mimic`, and jobs that are simulated.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/command/mimic_options.hpp"
#include "coupler/plan/plan.hpp"
#include "ekman/coupler.hpp"

namespace ekman {

// Of the steps alone, from a barrier after enddef on. Times are seconds a step; the same on all ranks of the component.
struct PlayReport {
  int ranks = 0;
  int rank = 0;  // this one
  std::int64_t points = 0;
  std::int64_t steps = 0;
  double step = 0.0;        // mean of the ranks
  double ekman = 0.0;       // inside Ekman's calls, mean of the ranks
  double most_ekman = 0.0;  // the same of the rank where it is most
  double physics = 0.0;     // mean of the ranks
  double barrier = 0.0;     // until all ranks have ended the step before, mean of the ranks
};

// Collective over the ranks of the component, whose coupler was just made; it is finalized. Points are dealt in blocks.
// A step begins on all ranks together, as exchanges of halos bring about, unless options say else. It is physics, which
// takes its time, then puts, gets and advance; adjoints follow the step that fills a tape.
// Values follow from seed, field, global id, level and step alone. Throws Error.
PlayReport play_component(Coupler coupler, const Plan& plan, const std::string& component, const PlayOptions& options);

// For people, in one line.
std::string report_line(const std::string& component, const PlayReport& report);

}  // namespace ekman
