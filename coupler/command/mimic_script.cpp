// Implements mimic_script.hpp.
#include "coupler/command/mimic_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

class ScriptWriter {
 public:
  ScriptWriter(const Plan& plan, const std::string& component, const PlayOptions& options)
      : spec_(*find_component(plan, component)), options_(options) {
    for (const NetworkSpec& network : plan.networks)
      if (network.component == component) networks_.push_back(&network);
    for (const std::string& name : used_fields(plan, component)) {
      number_[name] = script_.fields.size();
      script_.fields.push_back({});
      script_.fields.back().name = name;
    }
  }

  MimicScript write() {
    set_points();
    set_levels();
    for (const NetworkSpec* network : networks_) set_uses(*network);
    order_calls();
    for (const NetworkSpec* network : networks_)
      if (network->tape > 0) add_tape(*network);
    return std::move(script_);
  }

 private:
  MimicField& field(const std::string& name) { return script_.fields[number_.at(name)]; }

  void set_points() {
    if (spec_.points >= 0 && options_.points >= 0 && spec_.points != options_.points)
      misuse(
          fmt::format("--points says {} for component \"{}\", the plan says {}; leave --points out, or change the "
                      "plan",
                      options_.points, spec_.name, spec_.points));
    script_.points = std::max(spec_.points, options_.points);
    if (script_.points < 0)
      misuse(
          fmt::format("nothing says how many points component \"{}\" has; give --points 10000, or `points` in the "
                      "plan",
                      spec_.name));
  }

  // From the plan, then from the options, then from what the losses ask of outputs and targets.
  void set_levels() {
    ComponentSpec known = spec_;
    for (MimicField& one : script_.fields) {
      const auto asked = options_.levels.find(one.name);
      FieldSpec& field = known.fields[one.name];
      one.units = field.units;
      if (asked == options_.levels.end()) continue;
      if (field.levels > 0 && field.levels != asked->second)
        misuse(
            fmt::format("--levels says {} for field \"{}\", the plan says {}; leave it out of --levels, or change "
                        "the plan",
                        asked->second, one.name, field.levels));
      field.levels = asked->second;
    }
    derive_levels(known);
    // Truth last, since it follows from outputs.
    for (const NetworkSpec* network : networks_) {
      for (const std::string& name : all_fields_of(*network)) give_default(known, name);
    }
    derive_levels(known);
    for (MimicField& one : script_.fields) {
      give_default(known, one.name);
      one.levels = known.fields[one.name].levels;
    }
  }

  void derive_levels(ComponentSpec& known) const {
    for (const NetworkSpec* network : networks_) {
      const std::vector<std::string> names = route_fields_of(*network);
      const std::vector<std::int64_t> levels = levels_of(known, *network, names);
      for (std::size_t i = 0; i < names.size(); ++i) known.fields[names[i]].levels = levels[i];
      for (const auto& [name, normalization] : network->normalize)
        if (normalization.mean.size() > 1 && known.fields[name].levels == 0)
          known.fields[name].levels = static_cast<std::int64_t>(normalization.mean.size());
      // A fallback has the levels of its output.
      for (const auto& [output, guard] : network->guard.fields)
        if (!guard.fallback.empty() && known.fields[guard.fallback].levels == 0)
          known.fields[guard.fallback].levels = known.fields[output].levels;
    }
  }

  void give_default(ComponentSpec& known, const std::string& name) {
    if (known.fields[name].levels > 0) return;
    known.fields[name].levels = std::max<std::int64_t>(1, options_.default_levels);
    if (options_.default_levels == 0) script_.without_levels.push_back(name);
  }

  void set_uses(const NetworkSpec& network) {
    for (const std::string& name : fields_of(network.inputs)) field(name).is_put = true;
    for (const std::string& name : truth_fields_of(network)) field(name).is_put = true;
    for (const auto& entry : network.guard.fields)
      if (!entry.second.fallback.empty()) field(entry.second.fallback).is_put = true;
    for (const std::string& name : fields_of(network.outputs)) field(name).is_got = true;
    for (const auto& [name, normalization] : network.normalize) set_scale(name, normalization);
    if (!network.training.given) return;
    script_.learns = true;
    if (!network.training.weights.empty()) field(network.training.weights).draw = Draw::weight;
    for (const auto& [output, target] : network.training.targets) set_truth(network, output, target);
  }

  // Numbers are such as the network is made for.
  void set_scale(const std::string& name, const Normalization& normalization) {
    if (number_.count(name) == 0 || !normalization.is_known()) return;
    field(name).mean = normalization.mean;
    field(name).std = normalization.std;
  }

  void set_truth(const NetworkSpec& network, const std::string& output, const std::string& target) {
    const auto scale = network.normalize.find(output);
    if (scale != network.normalize.end()) set_scale(target, scale->second);
    for (const LossTerm& term : network.training.loss) {
      const bool is_meant = std::find(term.fields.begin(), term.fields.end(), output) != term.fields.end();
      if (is_meant && has_classes(term.kind)) {
        field(target).draw = Draw::classes;
        field(target).classes = field(output).levels;
      } else if (is_meant && term.kind == LossKind::bce_with_logits) {
        field(target).draw = Draw::weight;  // a probability
      }
    }
  }

  // First what no network returns; then outputs as soon as their network may have run, and at once on to the networks
  // that take them. Where networks feed each other in a circle, one is given what it got in the step before.
  void order_calls() {
    for (std::size_t i = 0; i < script_.fields.size(); ++i)
      if (script_.fields[i].is_put && !script_.fields[i].is_got) put(i);
    while (get_what_is_ready() || put_one()) {
    }
  }

  void put(std::size_t field) {
    if (is_put_.insert(field).second) script_.calls.push_back({true, field});
  }

  bool get_what_is_ready() {
    bool any = false;
    for (const NetworkSpec* network : networks_) {
      for (const std::string& name : fields_of(network->outputs)) {
        const std::size_t output = number_.at(name);
        if (is_got_.count(output) > 0 || !is_ready(*network, name)) continue;
        is_got_.insert(output);
        script_.calls.push_back({false, output});
        if (script_.fields[output].is_put) put(output);
        any = true;
      }
    }
    return any;
  }

  bool is_ready(const NetworkSpec& network, const std::string& output) const {
    const auto is_put = [&](const std::string& name) { return is_put_.count(number_.at(name)) > 0; };
    const auto guard = network.guard.fields.find(output);
    if (guard != network.guard.fields.end() && !guard->second.fallback.empty() && !is_put(guard->second.fallback))
      return false;
    const std::vector<std::string> inputs = fields_of(network.inputs);
    return network.lag > 0 || std::all_of(inputs.begin(), inputs.end(), is_put);
  }

  bool put_one() {
    for (std::size_t i = 0; i < script_.fields.size(); ++i) {
      if (!script_.fields[i].is_put || is_put_.count(i) > 0) continue;
      put(i);
      return true;
    }
    return false;
  }

  void add_tape(const NetworkSpec& network) {
    MimicTape tape;
    tape.exchanges = network.tape;
    for (const std::string& name : fields_of(network.outputs)) tape.outputs.push_back(number_.at(name));
    for (const std::string& name : fields_of(network.inputs)) {
      const auto takes = [&](const NetworkSpec* other) {
        const std::vector<std::string> inputs = fields_of(other->inputs);
        return other->tape > 0 && std::find(inputs.begin(), inputs.end(), name) != inputs.end();
      };
      if (std::count_if(networks_.begin(), networks_.end(), takes) == 1) tape.inputs.push_back(number_.at(name));
    }
    script_.tapes.push_back(std::move(tape));
  }

  const ComponentSpec& spec_;
  const PlayOptions& options_;
  std::vector<const NetworkSpec*> networks_;
  std::map<std::string, std::size_t> number_;
  MimicScript script_;
  std::set<std::size_t> is_put_, is_got_;
};

}  // namespace

MimicScript mimic_script(const Plan& plan, const std::string& component, const PlayOptions& options) {
  return ScriptWriter(plan, component, options).write();
}

}  // namespace ekman
