// Implements restart_moment.hpp.
#include "coupler/restart/restart_moment.hpp"

#include <fmt/format.h>

namespace ekman {

std::string restart_discord(const Plan& plan, const NetworkSteps& steps) {
  const NetworkStep* first = nullptr;
  std::string first_component;
  for (const auto& [component, networks] : steps) {
    const StepClock clock = step_clock(plan, component);
    for (const NetworkStep& other : networks) {
      if (other.step == networks.front().step) continue;
      return fmt::format(
          "restart set \"{}\" is not of one moment: network \"{}\" of component \"{}\" goes on at {}, its "
          "network \"{}\" at {}; take another set",
          plan.resume, networks.front().network, component, clock.name(networks.front().step), other.network,
          clock.name(other.step));
    }
    const std::int64_t timestep = find_component(plan, component)->timestep;
    if (timestep == 0) continue;
    if (first != nullptr) {
      const std::int64_t theirs = find_component(plan, first_component)->timestep;
      if ((first->step - 1) * theirs != (networks.front().step - 1) * timestep) {
        return fmt::format(
            "restart set \"{}\" is not of one moment: component \"{}\" goes on at {}, component \"{}\" at "
            "{}; every component must write it at the same model time",
            plan.resume, first_component, step_clock(plan, first_component).name(first->step), component,
            clock.name(networks.front().step));
      }
    }
    first = &networks.front();
    first_component = component;
  }
  return "";
}

}  // namespace ekman
