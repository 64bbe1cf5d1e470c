// Restart sets of a component, over all its networks. See component_side.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "coupler/plan/restart_label.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/component_side.hpp"

namespace ekman {

std::int64_t ComponentSide::step() const {
  require(Phase::run, "get_step");
  return step_;
}

std::string ComponentSide::unresumed_step_problem(std::int64_t step) const {
  if (step <= 1) return "";
  return fmt::format(
      "{}: enddef was told that the next step is {}, but the plan {} has no `resume`, so the coupler begins "
      "with step 1; name the restart set under `resume`, or begin the model with step 1",
      whoami(), step, job_.plan.file);
}

// Collective, like enddef.
void ComponentSide::resume(std::int64_t step) {
  std::string problem;
  std::vector<std::pair<int, std::int64_t>> steps;
  for (const auto& route : routes_) {
    InlineRestart* const part = route->inline_restart();
    if (part == nullptr) continue;
    const std::string found = part->open();
    if (problem.empty()) problem = found;
    if (part->step() > 0) steps.push_back({static_cast<int>(&route->spec() - job_.plan.networks.data()), part->step()});
  }
  agree(job_.all, ErrorCode::plan, problem);  // the ML ranks could open the set too
  agree(job_.all, ErrorCode::plan, compare_restart_steps(job_, steps));
  std::int64_t found = 0;
  for (const auto& route : routes_) found = std::max(found, route->receive_restart());
  found = job_.local.max(found);
  if (found == 0) found = job_.local.max(std::max<std::int64_t>(step, 1));  // no points, so the set says nothing
  agree(job_.all, ErrorCode::usage,
        step == 0 || step == found ? ""
                                   : fmt::format("{}: enddef was told that the next step is {}, but restart "
                                                 "set \"{}\" goes on at {}; resume the model and the "
                                                 "coupler from the same moment",
                                                 whoami(), step, job_.plan.resume, clock_.name(found)));
  for (const auto& route : routes_) route->resume(found);
  step_ = found;
  state_.step(step_);
}

void ComponentSide::write_restart(const std::string& label) {
  require(Phase::run, "write_restart");
  const CallTimer timer(profile_.get());
  const std::string problem = label_problem(label);
  if (!problem.empty()) throw Error(ErrorCode::usage, "write_restart: " + problem);
  for (const auto& [name, field] : fields_) {
    if (!field.is_put() || field.coverage.covered() == 0) continue;
    throw Error(ErrorCode::usage,
                fmt::format("write_restart of \"{}\" in {} came when field \"{}\" had been put; call it between steps, "
                            "after advance and before the first put",
                            label, clock_.name(step_), name));
  }
  for (const auto& route : routes_) {
    if (!route->has_tape() || route->taped().empty()) continue;
    throw Error(
        ErrorCode::usage,
        fmt::format("write_restart of \"{}\" in {}: the tape of network \"{}\" is not empty (exchanges: {}), and no "
                    "file can hold its graphs; put their adjoints first, or drop them with zero_grad",
                    label, clock_.name(step_), route->spec().name, route->taped().size()));
  }
  const CallScope call(state_, Call::restart);
  const WaitScope waiting(state_, Call::restart);
  for (const auto& route : routes_) route->write_restart(label, step_);
  job_.local.barrier();  // the files of all networks are finished, seen from all ranks
  const auto first =
      std::find_if(routes_.begin(), routes_.end(), [](const auto& route) { return route->route().points > 0; });
  std::string publish_problem;
  try {
    if (first != routes_.end() && has_first_point((*first)->route())) (*first)->publish_restart(label);
  } catch (const std::exception& error) {
    publish_problem = error.what();
  }
  agree(job_.local, ErrorCode::internal, publish_problem);
}

}  // namespace ekman
