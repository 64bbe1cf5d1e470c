// The profile of a component rank, from enddef to finalize; see component_side.hpp.
#include <algorithm>

#include "coupler/comm/process.hpp"
#include "coupler/session/component_side.hpp"

namespace ekman {

// Collective over all ranks of the job.
void ComponentSide::begin_profile() {
  profile_ = std::make_unique<Profile>(static_cast<int>(job_.plan.networks.size()));
  merge_ = std::make_unique<ProfileMerge>(job_, component_);
  state_.profile(profile_.get());
  profile_->begin(step_);
}

// Without timeout: a component that no ML rank serves may wait long, see ProfileMerge.
void ComponentSide::merge_profile() {
  state_.profile(nullptr);
  RankProfile mine;
  const auto& components = job_.plan.components;
  const auto is_mine = [&](const ComponentSpec& component) { return component.name == component_; };
  mine.component =
      static_cast<std::int32_t>(std::find_if(components.begin(), components.end(), is_mine) - components.begin());
  mine.rank = local_rank_;
  mine.node = node_name();
  const int through = profile_network(job_.plan, component_);
  const Communicator* route = nullptr;
  for (const auto& one : routes_) {
    std::int64_t points = 0;
    for (const Run& run : one->route().in.runs) points += run.count;
    mine.points = std::max(mine.points, points);
    if (through >= 0 && &one->spec() == &job_.plan.networks[static_cast<std::size_t>(through)])
      route = &one->route().comm;
  }
  mine.take(*profile_);
  const std::vector<std::string> ranks = merge_->of_component(route, mine);
  if (ranks.empty()) return;
  const std::string plan = serialise(job_.plan), profiles = bundle(ranks);
  const PlanBytes bytes{plan.data(), static_cast<std::int64_t>(plan.size())};
  call_ml([&](const TextSink* text) {
    return library_().write_profile(bytes, profiles.data(), static_cast<std::int64_t>(profiles.size()), text);
  });
}

}  // namespace ekman
