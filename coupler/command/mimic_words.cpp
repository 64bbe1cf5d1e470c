// Implements mimic_words.hpp.
#include "coupler/command/mimic_words.hpp"

namespace ekman {

void add_mimic_options(CLI::App& app, MimicOptions& options) {
  app.add_option("plan", options.plan, "the plan (YAML)")->required();
  app.add_option("--component", options.component,
                 "which one to play, on all ranks; default: the only one of the plan");
  app.add_option("--ranks", options.ranks, "which ones to play, in this order of ranks: atmosphere=6,ocean=2");
  app.add_option("--points", options.points,
                 "points of a component on all its ranks together, where the plan does not say: 10000, or "
                 "atmosphere=10000,ocean=500");
  app.add_option("--levels", options.levels, "levels of fields, where the plan does not say: 60, or 1,temperature=60");
  app.add_option("--steps", options.steps, "how many to make")->capture_default_str()->check(CLI::Range(1, 1000000000));
  app.add_option("--step-time", options.step_time,
                 "physics of a rank in a step: 5ms, 0.8s, 200us, or atmosphere=5ms,ocean=2ms")
      ->capture_default_str();
  app.add_option("--point-time", options.point_time,
                 "physics for each point of a rank besides, written as --step-time");
  app.add_option("--imbalance", options.imbalance,
                 "part by which the last rank's physics takes longer than the first one's; those between lie on a line")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e3));
  app.add_flag("--sleep,!--busy", options.sleep,
               "physics gives its core away, for more ranks than cores; --busy, the default: keeps it at work");
  app.add_flag("--barrier,!--no-barrier", options.barrier,
               "ranks of a component begin each step together, as exchanges of halos make them, the default; or not");
  app.add_option("--seed", options.seed, "of the random fields")->capture_default_str();
}

}  // namespace ekman
