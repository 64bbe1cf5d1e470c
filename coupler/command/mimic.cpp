// Implements mimic.hpp: the ranks find each other, the first reads the plan, and each learns which component it is of.
#include "coupler/command/mimic.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "coupler/base/joined.hpp"
#include "coupler/comm/handshake.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/mimic_component.hpp"
#include "coupler/command/mimic_script.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/command/run_for_all.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/startup.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// Collective. The first rank reads it for all.
Plan read_plan(const Communicator& ranks, const std::string& path) {
  std::string bytes, problem;
  if (ranks.rank() == 0) {
    try {
      PlanReading reading = examine_whole_plan(path);
      reading.diagnostics.throw_if_errors();
      bytes = serialise(reading.plan);
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  agree(ranks, ErrorCode::plan, problem);
  ranks.broadcast(bytes, 0);
  return deserialise(bytes);
}

// Of the rank `rank` of `size` that play.
std::string component_of(const MimicOptions& options, const Plan& plan, int rank, int size) {
  if (!options.ranks.empty() && !options.component.empty())
    throw Error(ErrorCode::usage,
                "--component and --ranks say both whom the ranks play; give --component for one, --ranks for several");
  if (!options.component.empty()) return options.component;
  if (!options.ranks.empty()) {
    int next = 0;
    for (const auto& [component, ranks] : parse_ranks(options.ranks, plan, size)) {
      next += ranks;
      if (rank < next) return component;
    }
  }
  if (plan.components.size() == 1) return plan.components.front().name;
  std::vector<std::string> names;
  for (const ComponentSpec& component : plan.components) names.push_back(component.name);
  throw Error(ErrorCode::usage,
              fmt::format("the plan has {} components: {}; say with --component which one to play, or "
                          "with --ranks {}=1 how many ranks play each",
                          names.size(), joined(names, ", "), joined(names, "=1,")));
}

void play(const MimicOptions& options) {
  // Programs that were told other things are other groups: `ekman mimic --component a : ekman mimic --component b`.
  const std::string group = fmt::format("ekman mimic {} {}", options.component, options.ranks);
  const std::vector<Communicator> found = handshake(MPI_COMM_WORLD, {k_group_name, group});
  const Communicator& ranks = found[1];
  const Plan plan = read_plan(ranks, options.plan);
  std::string component, problem;
  PlayOptions how;
  try {
    component = component_of(options, plan, ranks.rank(), ranks.size());
    how = play_options(options, plan, component);
    mimic_script(plan, component, how);  // what is wrong with it is told once, before the ML ranks wait
  } catch (const Error& error) {
    problem = error.what();
  }
  agree(ranks, ErrorCode::usage, problem);
  // Only a job without ML ranks looks at it.
  setenv("EKMAN_PLAN", options.plan.c_str(), 1);
  const PlayReport report =
      play_component(Coupler::on_own_communicator(component, found[0].get()), plan, component, how);
  if (report.rank == 0) std::printf("%s\n", report_line(component, report).c_str());
  std::fflush(stdout);
}

}  // namespace

int mimic(int argc, char** argv, const MimicOptions& options) {
  const MpiProcess process(&argc, &argv);
  run_for_all("rank of ekman mimic", [&] { play(options); });
  return 0;
}

}  // namespace ekman
