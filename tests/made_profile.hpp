// The profile of a run that never was, with round numbers: 200 steps of 50 ms of an atmosphere on four ranks, of which
// 5 ms is waiting for "heating", on two ML ranks that learn.
#pragma once

#include <string>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

// `seconds` of each of `steps` steps, as sums and course.
inline void put_stage(RankProfile& rank, int network, Stage stage, std::int64_t steps, double seconds) {
  ProfileLane* lane = nullptr;
  for (ProfileLane& known : rank.lanes)
    if (known.network == network) lane = &known;
  if (lane == nullptr) {
    lane = &rank.lanes.emplace_back();
    lane->network = static_cast<std::int16_t>(network);
  }
  lane->sums[place_of(stage)] = {steps, seconds * static_cast<double>(steps), 1.5 * seconds};
  lane->course.bins.resize(static_cast<std::size_t>(steps));
  for (auto& bin : lane->course.bins) bin[place_of(stage)] = static_cast<float>(seconds);
}

// One after the other in the first and in the last steps; physics has no event.
inline void put_events(RankProfile& rank) {
  constexpr int k_told = 5;
  const double step_seconds = rank.seconds / static_cast<double>(rank.steps);
  for (std::int64_t step = 1; step <= rank.steps; ++step) {
    if (step > k_told && step <= rank.steps - k_told) continue;
    double at = step_seconds * static_cast<double>(step - 1);
    for (const ProfileLane& lane : rank.lanes) {
      for (std::size_t stage = 0; stage < k_stages; ++stage) {
        const double seconds = lane.sums[stage].seconds / static_cast<double>(rank.steps);
        if (seconds == 0.0) continue;
        if (stage != place_of(Stage::physics))
          rank.events.push_back({at, static_cast<float>(seconds), static_cast<std::int32_t>(step), lane.network,
                                 static_cast<std::int16_t>(stage)});
        at += seconds;
      }
    }
  }
}

// Rank r of the component computes 43 + r ms, unless `more` says else, and waits for the slowest too.
inline RankProfile made_component_rank(int component, int rank, int network, double more = 0.001) {
  RankProfile made;
  made.component = component;
  made.rank = rank;
  made.node = "cpu1";
  made.points = 250;
  made.steps = 200;
  made.seconds = 10.0;
  put_stage(made, -1, Stage::physics, 200, 0.043 + more * rank);
  put_stage(made, network, Stage::pack, 200, 0.0003);
  put_stage(made, network, Stage::wait, 200, 0.0065 - more * rank);
  put_stage(made, network, Stage::unpack, 200, 0.0002);
  put_events(made);
  return made;
}

// 4 + rank ms of work in 50.
inline RankProfile made_ml_rank(int network, int rank, bool learns) {
  RankProfile made;
  made.rank = rank;
  made.network = network;
  made.node = "gpu1";
  made.device = "cuda:" + std::to_string(rank);
  made.points = 500;
  made.steps = 200;
  made.seconds = 10.0;
  put_stage(made, network, Stage::wait, 200, learns ? 0.043 - 0.001 * rank : 0.046 - 0.001 * rank);
  put_stage(made, network, Stage::assemble, 200, 0.0005);
  put_stage(made, network, Stage::host_to_device, 200, 0.0005);
  put_stage(made, network, Stage::forward, 200, 0.002 + 0.001 * rank);
  put_stage(made, network, Stage::device_to_host, 200, 0.0005);
  put_stage(made, network, Stage::send, 200, 0.0005);
  if (learns) {
    put_stage(made, network, Stage::backward, 200, 0.001);
    put_stage(made, network, Stage::reduce, 200, 0.001);
    put_stage(made, network, Stage::step, 200, 0.001);
  }
  put_events(made);
  return made;
}

inline RunProfile made_profile(const std::string& component = "atmosphere", const std::string& network = "heating") {
  RunProfile run;
  run.version = "0.1.0 made up";
  run.components = {component};
  run.networks = {{network, component, false, true, 1000, 64, 0, 1}};
  for (int rank = 0; rank < 4; ++rank) run.ranks.push_back(made_component_rank(0, rank, 0));
  for (int rank = 0; rank < 2; ++rank) run.ranks.push_back(made_ml_rank(0, rank, true));
  return run;
}

// Many of each: what a screen has no room for.
inline RunProfile made_profile_of_many(int components, int networks) {
  RunProfile run;
  run.version = "0.1.0 made up";
  for (int c = 0; c < components; ++c) run.components.push_back("component_" + std::to_string(c));
  for (int n = 0; n < networks; ++n)
    run.networks.push_back({"network_" + std::to_string(n), run.components[static_cast<std::size_t>(n % components)],
                            false, false, 1000, 64, 0, 1});
  for (int c = 0; c < components; ++c)
    for (int rank = 0; rank < 4; ++rank) run.ranks.push_back(made_component_rank(c, rank, c % networks));
  for (int n = 0; n < networks; ++n)
    for (int rank = 0; rank < 2; ++rank) run.ranks.push_back(made_ml_rank(n, rank, false));
  return run;
}

}  // namespace ekman
