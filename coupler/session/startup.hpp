// Start-up: the ranks of a job find each other, learn their roles and share the plan. Collective on all sides.
#pragma once

#include <mpi.h>

#include <memory>
#include <string>
#include <vector>

#include "coupler/comm/communicator.hpp"
#include "coupler/plan/plan.hpp"
#include "coupler/session/inline_network.hpp"
#include "coupler/session/watchdog.hpp"

namespace ekman {

inline constexpr const char* k_group_name = "ekman";

struct Job {
  std::unique_ptr<Watchdog> watchdog;  // first, so that it still watches while the rest is freed
  Communicator found;                  // what the handshake gave, or the model
  Communicator all;                    // every rank that takes part in Ekman: a duplicate of `found`
  Communicator local;                  // the ranks of this component, or all ML ranks
  Plan plan;
  bool shared_cores = false;  // more ranks than cores on this node
  bool any_thread = false;    // components: every thread may call MPI, not only the one that called init
  int leader = 0;             // in `all`: the first ML rank, or the first of all in a job without
  bool without_ml = false;    // no ML ranks: all networks run inline
};

// Collective over `found`, a communicator of all ranks that take part in Ekman, together with the ML ranks' start_ml.
// `watchdog` was made before they found each other. In a job without ML ranks the first rank reads the plan that the
// environment variable EKMAN_PLAN names, by `library`. Throws Error.
Job start_component(std::unique_ptr<Watchdog> watchdog, Communicator found, const std::string& component,
                    MlLibrary library);

// Collective over `found`. `plan` is read on ML rank 0 only: `read` is called there, and what it throws ends all ranks.
// The watchdog shares its record, but is not yet told who it is: that follows from the place of the ML rank.
using PlanReader = Plan (*)(const std::string& path);
Job start_ml(std::unique_ptr<Watchdog> watchdog, Communicator found, const std::string& path, PlanReader read);

// Collective. The communicator of one network: its ML ranks first, then the ranks of its component; empty elsewhere. Of
// a network that runs inline a duplicate of job.local, collective over the ranks of its component alone.
// `network_of_ml_rank` is the network that this ML rank serves, -1 on component ranks.
Communicator split_route(const Job& job, int network, const std::string& component, int network_of_ml_rank);

}  // namespace ekman
