// What the ranks of a run tell of where their time went, put together: the content of profile.h5.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/profile/profile.hpp"

namespace ekman {

struct RankProfile {
  std::int32_t component = -1;  // in RunProfile::components; -1: an ML rank
  std::int32_t rank = 0;        // of its component, or among all ML ranks
  std::int32_t network = -1;    // in RunProfile::networks: the one that an ML rank serves; -1 on component ranks
  std::string node;
  std::string device;       // of an ML rank: "cpu", "cuda:0"; empty on component ranks
  std::int64_t points = 0;  // ML ranks: of their chunks; component ranks: of the network of which they have most
  std::int64_t steps = 0;   // of the component; of an ML rank exchanges that it served
  double seconds = 0.0;     // from the end of enddef to the end of the last step
  std::vector<ProfileLane> lanes;
  std::vector<ProfileEvent> events;  // of the first and of the last steps, ascending

  // What `profile` has told: steps and below.
  void take(const Profile& profile);
};

// What reports say of a network, so that they need no plan.
struct NetworkFacts {
  std::string name;
  std::string component;
  bool is_inline = false;
  bool learns = false;
  std::int64_t points = 0;
  std::int64_t chunk = 0;   // points of one
  std::int64_t lag = 0;     // exchanges
  std::int64_t period = 1;  // steps of its component from one exchange to the next
};

struct RunProfile {
  std::string version;  // of Ekman
  bool simulated = false;
  std::vector<std::string> components;
  std::vector<NetworkFacts> networks;
  std::vector<RankProfile> ranks;  // those of the components in their order, then the ML ranks in theirs
};

// How much of a rank is kept where there are many: bins of its course, and events; about 100 MB of a job in all.
struct ProfileLimits {
  std::size_t bins = ProfileCourse::k_most_bins;
  std::size_t events = 2 * 1024;
};
ProfileLimits profile_limits(int ranks);

// In the bytes of this machine, since ranks of one job read them. Beyond `limits` bins are joined, and events of the
// middle left out.
std::string to_bytes(const RankProfile& profile, const ProfileLimits& limits);
RankProfile rank_profile_from(const std::string& bytes);

}  // namespace ekman
