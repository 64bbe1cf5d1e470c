// study_run PLAN RANKS: what a run of a study leaves, without a run: a profile in the output directory of PLAN,
// of a component on RANKS ranks and the ML ranks of the first network. A step is 64 ms of physics shared by RANKS and
// 10 ms of waiting, times 1, 1.5, 1.2 in repeats 1, 2, 3.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "adapters/hdf5/profile_file.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "tests/made_profile.hpp"

int main(int argc, char** argv) {
  using namespace ekman;
  if (argc != 3) return 2;
  try {
    const Plan plan = read_plan(argv[1]);
    const NetworkSpec& network = plan.networks.front();
    const int ranks = std::atoi(argv[2]);
    const std::filesystem::path folder = plan.output_directory;
    const int repeat = std::atoi(folder.filename().c_str());
    const double factor = repeat == 2 ? 1.5 : repeat == 3 ? 1.2 : 1.0;
    const std::int64_t steps = 10;
    const double physics = factor * 0.064 / ranks, wait = factor * 0.010;
    RunProfile run;
    run.version = "made up";
    run.components = {network.component};
    run.networks = {{network.name, network.component, false, false, 1000, network.chunk, 0, 1}};
    for (int r = 0; r < ranks + network.ranks; ++r) {
      RankProfile& rank = run.ranks.emplace_back();
      const bool serves = r >= ranks;
      rank.component = serves ? -1 : 0;
      rank.rank = serves ? r - ranks : r;
      rank.network = serves ? 0 : -1;
      rank.device = serves ? "cpu" : "";
      rank.node = "here";
      rank.points = 1000 / (serves ? network.ranks : ranks);
      rank.steps = steps;
      rank.seconds = static_cast<double>(steps) * (physics + wait);
      put_stage(rank, serves ? 0 : -1, serves ? Stage::wait : Stage::physics, steps, physics);
      put_stage(rank, 0, serves ? Stage::forward : Stage::wait, steps, wait);
    }
    write_profile((folder / k_profile_file).string(), run);
    std::puts("made up");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
