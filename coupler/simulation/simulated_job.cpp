// Implements simulated_job.hpp over SimGrid's SMPI: each rank is an actor that calls MPI.
#include "coupler/simulation/simulated_job.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <simgrid/s4u.hpp>
#include <stdexcept>
#include <utility>
#include <vector>
#include <xbt/config.hpp>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/mimic_component.hpp"
#include "coupler/command/mimic_script.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/command/run_for_all.hpp"
#include "coupler/command/serve.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace s4u = simgrid::s4u;

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

// What is simulated is messages between nodes and time that passes; all else of a plan has no meaning there.
void check_plan(const Plan& plan) {
  for (const NetworkSpec& network : plan.networks) {
    const auto refuse = [&](const char* what, const char* cure) {
      throw Error(ErrorCode::plan, fmt::format("network \"{}\" of the plan {} cannot be simulated, since it {}; {}",
                                               network.name, plan.file, what, cure));
    };
    if (network.is_computed())
      refuse("is run by LibTorch, whose time on another machine is not known here",
             "say `network: {builtin: sleep, ...}` with its cost, or `network: echo`");
    if (network.is_inline()) refuse("runs in its component", "say `placement: dedicated`");
  }
  if (!plan.resume.empty())
    throw Error(ErrorCode::plan,
                fmt::format("the plan {} resumes a run, which cannot be simulated; take `resume` out", plan.file));
}

// On ML rank 0. Messages go point to point: memory that ranks share would have to be looked at, while time stands
// still.
Plan read_simulated_plan(const std::string& path) {
  Plan plan = read_plan_to_serve(path);
  for (NetworkSpec& network : plan.networks) network.transport = Transport::point_to_point;
  return plan;
}

struct Role {
  std::string component;  // empty: an ML rank
};

// Components as --ranks has them; a plan with one component needs none.
std::vector<Role> deal_roles(const MimicOptions& options, const Plan& plan) {
  if (options.ranks.empty())
    misuse(fmt::format("nothing says how many ranks the components have; say --ranks {}=64",
                       plan.components.front().name));
  int sum = 0;
  for (std::size_t at = options.ranks.find('='); at != std::string::npos; at = options.ranks.find('=', at + 1))
    sum += std::max(0, std::atoi(options.ranks.c_str() + at + 1));
  std::vector<Role> roles;
  for (const auto& [component, ranks] : parse_ranks(options.ranks, plan, sum))
    roles.insert(roles.end(), static_cast<std::size_t>(ranks), Role{component});
  roles.insert(roles.end(), static_cast<std::size_t>(ml_ranks_of(plan)), Role{});
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

void play(const SimulationOptions& options, const Plan& plan, const std::string& component) {
  const PlayOptions how = play_options(options.mimic, plan, component);
  const PlayReport report = play_component(Coupler(component, MPI_COMM_WORLD), plan, component, how);
  if (report.rank == 0) std::printf("%s\n", report_line(component, report).c_str());
}

void run_rank(const SimulationOptions& options, const Plan& plan, const Role& role) {
  const MpiProcess process(nullptr, nullptr);
  if (role.component.empty())
    return serve_on(MPI_COMM_WORLD, options.mimic.plan, k_start_timeout, &read_simulated_plan);
  run_for_all("stand-in", [&] { play(options, plan, role.component); });
}

void configure(const SimulationOptions& options) {
  // Times are those of the links and of work that is told, no more: SimGrid's own corrections are of clusters of 2010,
  // and the speed of the machine that simulates is not that of the one simulated. Tests of messages take no time,
  // since no wait of ours is made of them.
  for (const char* setting :
       {"network/model:SMPI", "smpi/lat-factor:0:1", "smpi/bw-factor:0:1", "network/TCP-gamma:0", "network/weight-S:0",
        "smpi/simulate-computation:no", "smpi/test:0", "smpi/iprobe:1e-6", "smpi/wtime:0", "surf/precision:1e-10"})
    s4u::Engine::set_config(setting);
  // Of n log n messages, where the default has n * n; of the set-up, no matter in steps.
  for (const char* setting : {"smpi/alltoall:bruck", "smpi/reduce:binomial", "smpi/allreduce:redbcast"})
    s4u::Engine::set_config(setting);
  s4u::Engine::set_config(fmt::format("contexts/stack-size:{}", options.stack));
  for (const std::string& setting : options.settings) {
    const std::string name = setting.substr(0, setting.find(':'));
    try {
      simgrid::config::is_default(name.c_str());
    } catch (const std::out_of_range&) {
      misuse(fmt::format("--cfg {}: SimGrid has no setting \"{}\"; see the list of settings in its manual", setting,
                         name));
    }
    s4u::Engine::set_config(setting);
  }
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int simulate_job(const SimulationOptions& options) {
  PlanReading reading = examine_whole_plan(options.mimic.plan);
  reading.diagnostics.throw_if_errors();
  const Plan& plan = reading.plan;
  check_plan(plan);
  // What is wrong with them is told once, before anything begins.
  for (const ComponentSpec& component : plan.components)
    mimic_script(plan, component.name, play_options(options.mimic, plan, component.name));
  const std::vector<Role> roles = deal_roles(options.mimic, plan);

  std::vector<std::string> words{"ekman-simulated", "--log=root.thres:warning"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(words.size());
  const auto begin = std::chrono::steady_clock::now();
  s4u::Engine engine(&count, arguments.data());
  smpi_init_options();
  configure(options);
  SMPI_init();
  set_copy_rate(options.copy_rate * 1e9);
  const bool own = options.platform.empty();
  std::vector<s4u::Host*> hosts = own ? std::vector<s4u::Host*>() : load_platform(options.platform);
  if (!own && hosts.empty()) misuse(fmt::format("{} has no hosts; give --platform a file with some", options.platform));
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
