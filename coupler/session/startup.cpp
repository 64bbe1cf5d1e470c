// Implements startup.hpp.
#include "coupler/session/startup.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/process_tuning.hpp"
#include "coupler/base/version.hpp"
#include "coupler/comm/handshake.hpp"
#include "coupler/session/agree.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

const char* k_ml_group = "ml ranks";

Communicator find_peers(const Communicator& all, const std::string& group) {
  std::vector<Communicator> found = handshake(all.get(), {group});
  return std::move(found[0]);
}

// More ranks on the node than cores that they may use: a batch system may leave some of them to other jobs.
bool cores_are_shared(const Communicator& all) {
  const Communicator node = all.split_node();
  std::vector<std::int64_t> used(CPU_SETSIZE, 0);
  for (const int core : numbers_of_cores_allowed()) used[static_cast<std::size_t>(core)] = -1;
  node.min(used);
  const auto cores = std::count(used.begin(), used.end(), -1);
  return node.size() > (cores > 0 ? cores : sysconf(_SC_NPROCESSORS_ONLN));
}

// The rank of `all` that owns the plan: the first ML rank; all.size() if there is none.
int find_leader(const Communicator& all, bool is_ml) {
  return static_cast<int>(all.min(is_ml ? all.rank() : all.size()));
}

// Collective. The leader's `text` must be everyone's: `told(mine, theirs)` says what is wrong on a rank where it is
// not.
template <class Told>
void require_same(const Communicator& all, int leader, const std::string& mine, Told told) {
  std::string theirs = mine;
  all.broadcast(theirs, leader);
  agree(all, ErrorCode::usage, mine == theirs ? "" : told(mine, theirs));
}

// Collective. First of all, since another version may speak another protocol from here on.
void require_same_version(const Job& job, int leader, const std::string& who) {
  require_same(job.all, leader, build_version(), [&](const std::string& mine, const std::string& theirs) {
    return fmt::format("{}, rank {} was built with Ekman {}, {} with {}; build and run all with the same Ekman", who,
                       job.local.rank(), mine, job.without_ml ? "others" : "the ML ranks", theirs);
  });
}

const char* named_plan() {
  const char* path = std::getenv("EKMAN_PLAN");
  return path == nullptr ? "" : path;
}

// On one rank of a job without ML ranks. The bytes of the plan; throws Error if it cannot do without them.
std::string read_named_plan(MlLibrary library) {
  const std::string path = named_plan();
  if (path.empty()) {
    throw Error(
        ErrorCode::usage,
        "no ML rank in this job; start them beside the component, for example mpirun -np 4 ./model : -np 1 ekman "
        "serve plan.yaml, or, if all networks of the plan have placement: inline, let the environment variable "
        "EKMAN_PLAN name the plan");
  }
  std::string bytes = call_ml([&](const TextSink* text) { return library().read_plan(path.c_str(), text); });
  const Plan plan = deserialise(bytes);
  std::vector<std::string> dedicated;
  for (const NetworkSpec& network : plan.networks)
    if (!network.is_inline()) dedicated.push_back(network.name);
  if (dedicated.empty()) return bytes;
  throw Error(
      ErrorCode::usage,
      fmt::format("no ML rank in this job, but {} of the plan {} want{} some (placement: dedicated); start them "
                  "beside the component, for example mpirun -np 4 ./model : -np {} ekman serve {}, or give all "
                  "networks placement: inline",
                  joined(dedicated, ", "), path, dedicated.size() == 1 ? "s" : "", ml_ranks_of(plan), path));
}

// The plan that counts is that of the ML ranks.
void warn_of_other_plan(const Job& job, const std::string& component) {
  const std::string path = named_plan();
  if (path.empty() || job.local.rank() != 0) return;
  std::error_code ignored;
  const auto whole = [&](const std::string& file) { return std::filesystem::weakly_canonical(file, ignored); };
  if (whole(path) == whole(job.plan.file)) return;
  log_line(
      fmt::format("warning: component \"{}\": EKMAN_PLAN names the plan {}, but the ML ranks of this job have read {}, "
                  "which counts; name the same plan, or unset the variable",
                  component, path, job.plan.file));
}

std::string known_components(const Plan& plan) {
  std::string names;
  for (const ComponentSpec& component : plan.components) names += (names.empty() ? "" : ", ") + component.name;
  return names;
}

}  // namespace

Job start_component(std::unique_ptr<Watchdog> watchdog, Communicator found, const std::string& component,
                    MlLibrary library) {
  Job job;
  job.watchdog = std::move(watchdog);
  job.found = std::move(found);
  job.all = job.found.clone();
  job.local = find_peers(job.all, "component " + component);
  job.shared_cores = cores_are_shared(job.all);
  job.any_thread = any_thread_may_call_mpi();
  int leader = find_leader(job.all, false);
  job.without_ml = leader == job.all.size();
  if (job.without_ml) leader = 0;
  job.leader = leader;
  require_same_version(job, leader, fmt::format("component \"{}\"", component));
  std::string bytes, problem;
  if (job.without_ml && job.all.rank() == leader) {
    try {
      bytes = read_named_plan(library);
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  agree(job.all, ErrorCode::plan, problem);
  job.all.broadcast(bytes, leader);
  job.plan = deserialise(bytes);
  const auto& components = job.plan.components;
  const auto mine = std::find_if(components.begin(), components.end(),
                                 [&](const ComponentSpec& spec) { return spec.name == component; });
  agree(job.all, ErrorCode::plan,
        mine != components.end()
            ? ""
            : fmt::format("component \"{}\" is not in the plan {}, which knows: {}; add it to `components`, or "
                          "change the name in ekman_init",
                          component, job.plan.file, known_components(job.plan)));
  if (!job.without_ml) warn_of_other_plan(job, component);
  job.watchdog->share(job.all, job.plan);
  job.watchdog->introduce({true, false, static_cast<int>(mine - components.begin()), job.local.rank(), 0});
  return job;
}

Job start_ml(std::unique_ptr<Watchdog> watchdog, Communicator found, const std::string& path, PlanReader read) {
  Job job;
  job.watchdog = std::move(watchdog);
  job.found = std::move(found);
  job.all = job.found.clone();
  job.local = find_peers(job.all, k_ml_group);
  job.shared_cores = cores_are_shared(job.all);
  const int leader = job.leader = find_leader(job.all, true);
  require_same_version(job, leader, "`ekman serve`");
  require_same(job.local, 0, path, [&](const std::string& mine, const std::string& theirs) {
    return fmt::format(
        "ML rank {} was started with the plan {}, ML rank 0 with {}; a job has one plan, so give all the "
        "same",
        job.local.rank(), mine, theirs);
  });
  std::string bytes, problem;
  if (job.all.rank() == leader) {
    try {
      job.plan = read(path);
      bytes = serialise(job.plan);
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  agree(job.all, ErrorCode::plan, problem);
  job.all.broadcast(bytes, leader);
  job.plan = deserialise(bytes);
  agree(job.all, ErrorCode::plan, "");
  job.watchdog->share(job.all, job.plan);
  return job;
}

Communicator split_route(const Job& job, int network, const std::string& component, int network_of_ml_rank) {
  const bool serves = network_of_ml_rank == network;
  const bool takes_part = serves || job.plan.networks[network].component == component;
  if (job.plan.networks[network].is_inline()) return takes_part ? job.local.clone() : Communicator();
  const int key = serves ? job.all.rank() : job.all.size() + job.all.rank();
  return job.all.split(takes_part ? 0 : -1, key);
}

}  // namespace ekman
