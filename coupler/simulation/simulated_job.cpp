// Implements simulated_job.hpp over SimGrid's SMPI: each rank is an actor that calls MPI.
#include "coupler/simulation/simulated_job.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <simgrid/s4u.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/command/run_for_all.hpp"
#include "coupler/command/serve.hpp"
#include "coupler/simulation/stand_in.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace s4u = simgrid::s4u;

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

// What is simulated is messages between nodes and time that passes; all else of a plan has no meaning there.
void check_plan(const Plan& plan) {
  for (const NetworkSpec& network : plan.networks) {
    const auto refuse = [&](const char* what, const char* cure) {
      throw Error(ErrorCode::plan, fmt::format("network \"{}\" of the plan {} {}, which cannot be simulated; {}",
                                               network.name, plan.file, what, cure));
    };
    if (network.is_computed())
      refuse("is run by LibTorch, whose time on another machine is not known here",
             "say `network: {builtin: sleep, ...}` with its cost, or `network: echo`");
    if (network.is_inline()) refuse("runs in its component", "say `placement: dedicated`");
  }
  if (!plan.resume.empty())
    throw Error(ErrorCode::plan, fmt::format("the plan {} resumes a run, which cannot be simulated; take `resume` out",
                                             plan.file));
}

// On ML rank 0. Messages go point to point: memory that ranks share would have to be looked at, while time stands still.
Plan read_simulated_plan(const std::string& path) {
  Plan plan = read_plan_to_serve(path);
  for (NetworkSpec& network : plan.networks) network.transport = Transport::point_to_point;
  plan.record = {};
  return plan;
}

int ranks_of(const SimulationOptions& options, const Plan& plan, const ComponentSpec& component) {
  const auto found = options.ranks.find(component.name);
  if (found != options.ranks.end()) return found->second;
  if (plan.components.size() == 1 && options.ranks.empty()) return 1;
  misuse(fmt::format("how many ranks has component \"{}\"? Say --ranks {}=64", component.name, component.name));
}

std::vector<Role> deal_roles(const SimulationOptions& options, const Plan& plan) {
  std::vector<Role> roles;
  for (const ComponentSpec& component : plan.components) {
    const int ranks = ranks_of(options, plan, component);
    for (int rank = 0; rank < ranks; ++rank) roles.push_back({component.name, rank, ranks});
  }
  const int ml_ranks = ml_ranks_of(plan);
  for (int rank = 0; rank < ml_ranks; ++rank) roles.push_back({"", rank, ml_ranks});
  return roles;
}

// The node of each rank: nodes are filled one after the other.
std::vector<int> deal_nodes(const std::vector<Role>& roles, int cores, int ml_per_node) {
  std::vector<int> nodes;
  int node = 0, taken = 0;
  bool ml_nodes = false;
  for (const Role& role : roles) {
    if (role.component.empty() && ml_per_node > 0 && !ml_nodes) {
      ml_nodes = true;
      if (taken > 0) ++node;
      taken = 0;
    }
    const int room = ml_nodes ? ml_per_node : cores;
    if (taken == room) {
      ++node;
      taken = 0;
    }
    nodes.push_back(node);
    ++taken;
  }
  return nodes;
}

void run_rank(const SimulationOptions& options, const Plan& plan, const Role& role) {
  const MpiProcess process(nullptr, nullptr);
  if (role.component.empty()) return serve_on(MPI_COMM_WORLD, options.plan, k_start_timeout, &read_simulated_plan);
  run_for_all("stand-in", [&] { play(options, plan, role); });
}

void configure(const SimulationOptions& options) {
  // Times are those of the links and of work that is told, no more: SimGrid's own corrections are of clusters of 2010,
  // and the speed of the machine that simulates is not that of the one simulated. Tests of messages take no time,
  // since no wait of ours is made of them.
  for (const char* setting :
       {"network/model:SMPI", "smpi/lat-factor:0:1", "smpi/bw-factor:0:1", "network/TCP-gamma:0", "network/weight-S:0",
        "smpi/simulate-computation:no", "smpi/test:0", "smpi/iprobe:1e-6", "smpi/wtime:0", "surf/precision:1e-10"})
    s4u::Engine::set_config(setting);
  s4u::Engine::set_config(fmt::format("contexts/stack-size:{}", options.stack));
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int simulate_job(const SimulationOptions& options) {
  PlanReading reading = examine_whole_plan(options.plan);
  reading.diagnostics.throw_if_errors();
  const Plan& plan = reading.plan;
  check_plan(plan);
  const std::vector<Role> roles = deal_roles(options, plan);

  std::vector<std::string> words{"ekman-simulated", "--log=root.thres:warning"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(words.size());
  const auto begin = std::chrono::steady_clock::now();
  s4u::Engine engine(&count, arguments.data());
  configure(options);
  SMPI_init();
  // Known from here on. Of n log n messages, where the default has n * n.
  s4u::Engine::set_config("smpi/alltoall:bruck");
  for (const std::string& setting : options.settings) s4u::Engine::set_config(setting);
  set_copy_rate(options.copy_rate);
  const bool own = options.platform.empty();
  std::vector<s4u::Host*> hosts = own ? std::vector<s4u::Host*>() : load_platform(options.platform);
  const int cores = own ? options.cluster.cores : hosts.front()->get_core_count();
  const std::vector<int> nodes = deal_nodes(roles, cores, options.ml_per_node);
  const int wanted = nodes.back() + 1, there = own ? options.cluster.nodes : static_cast<int>(hosts.size());
  if (there > 0 && wanted > there)
    misuse(fmt::format("{} ranks take {} nodes of {} cores, but the machine has {}; give it more, or more cores",
                       roles.size(), wanted, cores, there));
  if (own) hosts = make_cluster(options.cluster, wanted);
  SMPI_app_instance_register("ekman", nullptr, static_cast<int>(roles.size()));
  for (std::size_t r = 0; r < roles.size(); ++r) {
    const s4u::ActorPtr actor = s4u::Actor::init(fmt::format("rank {}", r), hosts[static_cast<std::size_t>(nodes[r])]);
    actor->set_property("instance_id", "ekman");
    actor->set_property("rank", std::to_string(r));
    actor->start([&options, &plan, &role = roles[r]] { run_rank(options, plan, role); });
  }
  engine.run();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  log_line(fmt::format("simulated {:.6g} s of {} ranks on {} nodes in {:.1f} s, with {} MiB", s4u::Engine::get_clock(),
                       roles.size(), wanted, seconds_since(begin), usage.ru_maxrss / 1024));
  SMPI_finalize();
  return 0;
}

}  // namespace ekman
