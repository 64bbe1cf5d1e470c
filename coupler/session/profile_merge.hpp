// At the end of a run the profiles of its ranks come together on its leader. Nobody waits for ranks of another
// component, which may have long to go: each component's go to the ML ranks that serve it anyway.
#pragma once

#include <string>
#include <vector>

#include "coupler/profile/run_profile.hpp"
#include "coupler/session/startup.hpp"

namespace ekman {

// The network whose ML ranks take the profiles of a component: its first one that has any; -1: none has.
int profile_network(const Plan& plan, const std::string& component);

class ProfileMerge {
 public:
  // Collective over all ranks of the job. `component`: empty on ML ranks. The job outlives it.
  ProfileMerge(const Job& job, const std::string& component);

  // Collective over the ranks of the component, and the ML ranks of its profile_network(), whose communicator `route`
  // is (null if there is none). If the leader of a job without ML ranks is of this component it returns there the bytes
  // of all ranks of the job, for join_profiles(); elsewhere nothing. A component that no ML rank serves waits until the
  // leader has ended too.
  std::vector<std::string> of_component(const Communicator* route, const RankProfile& mine) const;
  // Collective over all ML ranks; the first one returns the bytes of all ranks of the job. `route`: of the network that
  // this rank serves, of that number.
  std::vector<std::string> of_ml(int network, const Communicator& route, const RankProfile& mine) const;

 private:
  void receive_as_leader(std::vector<std::string>& ranks) const;

  const Job& job_;
  std::int64_t senders_ = 0;  // components whose first rank sends to the leader
};

// Several texts as one, and back.
std::string bundle(const std::vector<std::string>& texts);
std::vector<std::string> unbundle(const std::string& bytes);

// `ranks`: what ProfileMerge returns.
RunProfile join_profiles(const Plan& plan, const std::vector<std::string>& ranks);

}  // namespace ekman
