// What the profile of a run says of its balance: who waits for whom, where the time of a step goes, and how many points
// pass. The text at finalize, reports and sweeps take their numbers from here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

// Over the ranks of a group, in seconds: per step of a component, per exchange of ML ranks.
struct Spread {
  double mean = 0.0;
  double least = 0.0;
  double most = 0.0;
  std::int32_t least_rank = 0;  // RankProfile::rank
  std::int32_t most_rank = 0;
};

struct StageBalance {
  Stage stage = Stage::physics;
  int network = -1;  // in RunProfile::networks: for which one; -1: of none. Of ML ranks always their own
  Spread seconds;
  double share = 0.0;  // of the mean step or exchange
};

// The ranks of a component, or the ML ranks of a network.
struct GroupBalance {
  bool is_component = true;
  int place = 0;  // in RunProfile::components or RunProfile::networks
  std::string name;
  int ranks = 0;
  std::int64_t steps = 0;            // that its ranks made at most; of ML ranks exchanges
  Spread step;                       // whole: all stages and what is in none
  Spread busy;                       // without wait and reduce, in which a rank may wait for others
  double imbalance = 1.0;            // busy.most / busy.mean: 1 is even
  std::vector<StageBalance> stages;  // those with anything in them: by network, by stage
  Spread other;                      // in no stage: Ekman's own book-keeping, and threads beside the main one

  // The mean seconds of a stage, of all networks together.
  double mean_of(Stage stage) const;
};

// Who waits for whom: a component for a network, in each of its steps.
struct Wait {
  int component = -1;
  int network = -1;
  Spread seconds;
  double share = 0.0;  // of the component's mean step
};

// A GPU, or an ML rank that has a CPU.
struct DeviceThroughput {
  std::string node;
  std::string device;
  int ranks = 0;
  double points_per_second = 0.0;
  double busy_points_per_second = 0.0;  // of the seconds in which its ranks were busy: what it could do
};

// Points that a network was asked for in a second of the run.
struct NetworkThroughput {
  int network = -1;
  double points_per_second = 0.0;
  std::vector<DeviceThroughput> devices;  // none of an inline network
};

struct RunBalance {
  std::vector<GroupBalance> components;       // those that have ranks, in the order of the plan
  std::vector<GroupBalance> networks;         // those that have ML ranks, likewise
  std::vector<Wait> waits;                    // longest first
  std::vector<NetworkThroughput> throughput;  // those of networks that made an exchange

  // Null: it has no ranks.
  const GroupBalance* component(int place) const;
  const GroupBalance* network(int place) const;
};

RunBalance balance_of(const RunProfile& run);

// Without wait and reduce; of one rank, in all.
double busy_seconds(const RankProfile& rank);

}  // namespace ekman
