// Implements wait_words.hpp.
#include "coupler/session/wait_words.hpp"

#include <fmt/format.h>

#include "coupler/base/node_clock.hpp"

namespace ekman {

namespace {

const char* name_of(Call call) {
  switch (call) {
    case Call::init:
      return "init";
    case Call::enddef:
      return "enddef";
    case Call::put:
      return "put";
    case Call::get:
      return "get";
    case Call::put_adjoint:
      return "put_adjoint";
    case Call::get_adjoint:
      return "get_adjoint";
    case Call::advance:
      return "advance";
    case Call::scalar:
      return "get_scalar";
    case Call::global_sum:
      return "global_sum";
    case Call::finalize:
      return "finalize";
    case Call::restart:
      return "write_restart";
    case Call::load:
      return "the load of its network";
    case Call::inputs:
      return "its wait for inputs";
    case Call::forward:
      return "forward";
    case Call::outputs:
      return "its sends of outputs";
    case Call::learn:
      return "learning";
    case Call::learning_step:
      return "an optimizer step";
    case Call::record:
      return "recording";
    case Call::none:
      break;
  }
  return "no call";
}

// get of "dt" in step 3
std::string call_words(const Scene& scene, Call call, int field, std::int64_t step) {
  std::string text = name_of(call);
  if (field != k_no_field) text += fmt::format(" of {}", scene.fields->name(field));
  switch (call) {
    case Call::put:
    case Call::get:
    case Call::put_adjoint:
    case Call::get_adjoint:
    case Call::advance:
      return text + fmt::format(" in step {}", step);
    default:
      return text;
  }
}

// With lag a get waits for an exchange that was put before its step.
bool is_lagged(const Scene& scene, const Wait& wait) {
  return wait.network >= 0 && scene.plan->networks.at(static_cast<std::size_t>(wait.network)).lag > 0;
}

// What the component must put before an exchange is over.
std::vector<std::string> put_fields_of(const NetworkSpec& network) {
  std::vector<std::string> fields = fields_of(network.inputs);
  for (const std::string& field : truth_fields_of(network)) fields.push_back(field);
  return fields;
}

std::string list_words(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", name);
  return text;
}

}  // namespace

std::string rank_words(const Scene& scene, const RankState& rank) {
  if (!rank.who.known) return scene.stranger;
  const auto owner = static_cast<std::size_t>(rank.who.owner);
  if (rank.who.is_ml) {
    return fmt::format("ML rank {} (network \"{}\")", rank.who.rank, scene.plan->networks.at(owner).name);
  }
  return fmt::format("component \"{}\", rank {}", scene.plan->components.at(owner).name, rank.who.rank);
}

std::string unseen_ml_words(const Scene& scene, int network, int place) {
  const NetworkSpec& spec = scene.plan->networks.at(static_cast<std::size_t>(network));
  return place < 0 ? fmt::format("the ML ranks of network \"{}\"", spec.name)
                   : fmt::format("ML rank {} of {} of network \"{}\"", place + 1, spec.ranks, spec.name);
}

std::string unseen_component_words(const Scene& scene, int network, std::int64_t rank) {
  const std::string& component = scene.plan->networks.at(static_cast<std::size_t>(network)).component;
  return rank < 0 ? fmt::format("the ranks of component \"{}\"", component)
                  : fmt::format("component \"{}\", rank {}", component, rank);
}

std::string since_words(const Scene& scene, std::int64_t since) {
  return fmt::format("since {} ({:.1f} s)", time_of_day(since), static_cast<double>(scene.now - since) / 1000.0);
}

std::string wait_words(const Scene& scene, const RankState& rank, const std::string& target) {
  const Wait& wait = rank.wait;
  const std::string since = since_words(scene, wait.since);
  const std::string call = call_words(scene, wait.call, wait.field, rank.step);
  if (wait.call == Call::inputs) {
    const NetworkSpec& spec = scene.plan->networks.at(static_cast<std::size_t>(rank.who.owner));
    const std::string there =
        rank.there_count == 0 ? "" : fmt::format("; {} other rank(s) are there", rank.there_count);
    const std::string rows = rank.late_adjoints ? "adjoints of " + list_words(fields_of(spec.outputs))
                                                : "inputs " + list_words(put_fields_of(spec));
    return fmt::format("waits for the {} {} step {} from {}, {}{}", rows, rank.late_adjoints ? "in" : "of", rank.step,
                       target, since, there);
  }
  if (wait.call == Call::outputs) {
    return fmt::format("waits until {} has taken the outputs of step {}, {}", target, rank.step, since);
  }
  if (wait.call == Call::put || wait.call == Call::put_adjoint) {
    const char* rows = wait.call == Call::put_adjoint ? "pass before"
                       : is_lagged(scene, wait)       ? "exchange before the last one"
                                                      : "exchange before";
    return fmt::format("waits in {} until {} is done with its rows of the {}, {}", call, target, rows, since);
  }
  if (wait.call == Call::advance)
    return fmt::format("waits in {} until its rows have gone to {}, {}", call, target, since);
  const bool is_get = wait.call == Call::get && is_lagged(scene, wait);
  return fmt::format("waits in {} for {}{}, {}", call, is_get ? "outputs of the exchange before from " : "", target,
                     since);
}

std::string doing_words(const Scene& scene, const RankState& rank) {
  const Doing& doing = rank.doing;
  const std::string since = since_words(scene, doing.since);
  if (doing.call == Call::forward) {
    return fmt::format("running chunk {} of step {} through its network, {}", rank.chunk, rank.step, since);
  }
  if (doing.call == Call::learn) {
    return fmt::format("learning from chunk {} of step {}, {}", rank.chunk, rank.step, since);
  }
  const std::string call = call_words(scene, doing.call, doing.field, rank.step);
  if (doing.inside || rank.who.is_ml) return fmt::format("inside {}, {}", call, since);
  if (doing.call == Call::advance) {
    return fmt::format("in its own code, outside Ekman, {}, after advance to step {}", since, rank.step);
  }
  return fmt::format("in its own code, outside Ekman, {}, after {}", since, call);
}

std::string missing_words(const Scene& scene, const RankState& ml, const RankState& component) {
  if (ml.wait.call != Call::inputs || ml.late_adjoints || ml.step != component.step) return "";
  std::vector<std::string> missing;
  for (const std::string& input : put_fields_of(scene.plan->networks.at(static_cast<std::size_t>(ml.who.owner)))) {
    const std::uint64_t bit = FieldNumbers::bit(scene.fields->of(ml.who.owner, input));
    if (bit == 0) return "";
    if ((component.fields_put & bit) == 0) missing.push_back(input);
  }
  return missing.empty() ? "" : fmt::format(" and has not put {} in step {}", list_words(missing), component.step);
}

}  // namespace ekman
