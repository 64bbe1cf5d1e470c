// Checks that need more than one key of the plan. What a single key may hold is checked by the parser
// already; the cheap ones are repeated here for plans that were made without YAML.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "coupler/plan/builtin_check.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/plan/plan.hpp"
#include "coupler/plan/record_check.hpp"
#include "coupler/plan/restart_label.hpp"
#include "coupler/plan/training_check.hpp"

namespace ekman {
namespace {

constexpr double k_most_points_in_chunk = 1.0e12;

using Problems = std::vector<Problem>;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

using Names = std::set<std::string>;

Names set_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

bool is_device(const std::string& text) {
  if (text == "cpu" || text == "cuda" || text == "auto") return true;
  if (text.rfind("cuda:", 0) != 0 || text.size() == 5 || text.size() > 8) return false;
  return text.find_first_not_of("0123456789", 5) == std::string::npos;
}

void check_component(const Plan& plan, const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (plan.components.empty()) return;
  std::vector<std::string> names;
  for (const ComponentSpec& component : plan.components) names.push_back(component.name);
  if (contains(names, network.component)) return;
  problems.push_back(
      {path + ".component",
       fmt::format("there is no component \"{}\" under components{}", network.component,
                   did_you_mean(network.component, names, "; add it there, or name one that is there"))});
}

void check_ranks(const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (network.ranks < 1 && !network.is_inline())
    problems.push_back({path + ".ranks", "a network needs at least 1 rank; give it `ranks: 1` or more"});
  if (network.threads < 1)
    problems.push_back({path + ".threads", "an ML rank needs at least 1 thread; give it `threads: 1` or more"});
  const auto num_devices = static_cast<int>(network.devices.size());
  if (num_devices != 1 && num_devices != network.ranks && !network.is_inline())
    problems.push_back({path + ".device", fmt::format("{} devices are given for {} ranks; give one device for all, or "
                                                      "one for each rank",
                                                      num_devices, network.ranks)});
  for (const std::string& device : network.devices)
    if (!is_device(device))
      problems.push_back({path + ".device", fmt::format("\"{}\" is not a device; it is cpu, cuda, cuda:N or auto{}",
                                                        device, did_you_mean(device, {"cpu", "cuda", "auto"}))});
}

// Where the component runs it, a network serves points and learns nothing.
void check_inline(const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (!network.is_inline()) return;
  if (network.ranks != 0)
    problems.push_back({path + ".ranks",
                        "a network with placement: inline runs on the ranks of its component and has no ML ranks; "
                        "leave `ranks` out"});
  if (network.devices.size() != 1)
    problems.push_back({path + ".device", fmt::format("{} devices are given for a network with placement: inline, "
                                                      "which runs on all ranks of its component; give one for all",
                                                      network.devices.size())});
  if (network.sample == Sample::grid)
    problems.push_back({path + ".sample",
                        "placement: inline is for points, since no rank of a component need have a whole grid; take "
                        "placement: dedicated"});
  if (network.training.given)
    problems.push_back({path + ".training",
                        "a network with placement: inline does not learn; take placement: dedicated, or leave "
                        "`training` out"});
  if (network.lag > 0)
    problems.push_back(
        {path + ".lag",
         "a network with placement: inline runs in the component's own steps, so there is nothing to run "
         "behind; take placement: dedicated, or leave `lag` out"});
  if (network.tape > 0)
    problems.push_back({path + ".tape",
                        "a network with placement: inline keeps no tape for adjoints; take placement: dedicated, or "
                        "leave `tape` out"});
}

void check_optimize(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const bool changes = network.optimize == Optimize::freeze || network.optimize == Optimize::inference;
  if (changes && network.source.kind != SourceKind::torchscript)
    problems.push_back({path + ".optimize", fmt::format("optimize: {} is for TorchScript networks; leave it out",
                                                        word_of(network.optimize))});
}

bool is_on_cpu(const NetworkSpec& network, const std::string& device) {
  return device == "cpu" || (device == "auto" && network.is_inline());
}

void check_float16(const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (network.compute != Compute::float16) return;
  for (const std::string& device : network.devices) {
    if (!is_on_cpu(network, device)) continue;
    problems.push_back({path + ".compute",
                        fmt::format("compute: float16 needs a GPU, but network \"{}\" has ranks on CPUs; take compute: "
                                    "bfloat16 or float32, or `device: cuda`",
                                    network.name)});
    return;
  }
}

void check_cuda_graph(const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (!network.cuda_graph) return;
  const std::string here = path + ".cuda_graph";
  const auto on_cpu = [&](const std::string& device) { return is_on_cpu(network, device); };
  if (network.source.kind == SourceKind::echo || network.source.is_sleep())
    problems.push_back(
        {here, fmt::format("cuda_graph: on is for networks that LibTorch runs, which {} is not; leave it "
                           "out",
                           network.source.is_sleep() ? "a sleep" : "an echo")});
  else if (std::all_of(network.devices.begin(), network.devices.end(), on_cpu))
    problems.push_back(
        {here, fmt::format("a CUDA graph needs a GPU, but network \"{}\" runs on CPUs only; leave `cuda_graph` out, or "
                           "take `device: cuda`",
                           network.name)});
  if (network.tape > 0)
    problems.push_back(
        {here, fmt::format("a CUDA graph keeps no forward for adjoints to come, but network \"{}\" has a tape; leave "
                           "`cuda_graph` out",
                           network.name)});
}

void check_sizes(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const bool is_grid = network.sample == Sample::grid;
  if (is_grid && (network.grid_ny < 1 || network.grid_nx < 1)) {
    problems.push_back(
        {path + ".sample.grid.shape", "the shape of a grid must be positive; write [ny, nx], of at least 1"});
    return;
  }
  if (network.chunk < 1) {
    problems.push_back({path + ".chunk", "a chunk needs at least 1 sample; give it `chunk: 1` or more"});
    return;
  }
  const double points = static_cast<double>(network.chunk) *
                        (is_grid ? static_cast<double>(network.grid_ny) * static_cast<double>(network.grid_nx) : 1.0);
  if (points > k_most_points_in_chunk)
    problems.push_back(
        {path + ".chunk", fmt::format("a chunk of {:.3g} points is too large; the most is {:.0e}, so take fewer "
                                      "samples in a chunk",
                                      points, k_most_points_in_chunk)});
  if (network.tile < 0 || (network.tile > 0 && network.chunk % network.tile != 0))
    problems.push_back(
        {path + ".tile", fmt::format("tile {} does not divide chunk {}; choose a divisor, or `tile: auto`",
                                     network.tile, network.chunk)});
}

void check_repeats(const std::vector<Argument>& arguments, const std::string& path, Problems& problems) {
  std::set<std::string> seen;
  if (arguments.empty()) problems.push_back({path, "a network needs at least one argument here; list its fields"});
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string fields = fmt::format("{}[{}].fields", path, i);
    if (arguments[i].fields.empty()) problems.push_back({fields, "an argument needs at least one field; name one"});
    for (std::size_t j = 0; j < arguments[i].fields.size(); ++j)
      if (!seen.insert(arguments[i].fields[j]).second)
        problems.push_back({fmt::format("{}[{}]", fields, j),
                            fmt::format("field \"{}\" is listed twice; name it once", arguments[i].fields[j])});
  }
}

// Each output field of a component has one writer; `writers` remembers them from network to network.
using Writers = std::map<std::pair<std::string, std::string>, std::string>;

void check_outputs(const NetworkSpec& network, const std::string& path, Writers& writers, Problems& problems) {
  const Names inputs = set_of(fields_of(network.inputs));
  for (std::size_t i = 0; i < network.outputs.size(); ++i) {
    for (std::size_t j = 0; j < network.outputs[i].fields.size(); ++j) {
      const std::string& field = network.outputs[i].fields[j];
      const std::string here = fmt::format("{}.outputs[{}].fields[{}]", path, i, j);
      if (inputs.count(field) > 0)
        problems.push_back(
            {here, fmt::format("field \"{}\" is both input and output of network \"{}\"; give the output a "
                               "field of its own",
                               field, network.name)});
      const auto entry = writers.insert({{network.component, field}, network.name});
      if (!entry.second && entry.first->second != network.name)
        problems.push_back(
            {here, fmt::format("field \"{}\" is an output of network \"{}\" already; take it out of one, or "
                               "give each a field of its own",
                               field, entry.first->second)});
    }
  }
}

void check_normalize(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const std::vector<std::string> fields = all_fields_of(network);
  const Names known = set_of(fields);
  for (const auto& [field, normalization] : network.normalize) {
    const std::string here = path + ".normalize." + field;
    if (known.count(field) == 0)
      problems.push_back(
          {here, fmt::format("\"{}\" is no field of network \"{}\"{}", field, network.name,
                             did_you_mean(field, fields, problems.size(), "; name one of its inputs or outputs"))});
    const bool divides = std::all_of(normalization.std.begin(), normalization.std.end(),
                                     [](double std) { return std != 0.0 && std::isfinite(std); });
    if (!divides)
      problems.push_back(
          {here + ".std", fmt::format("the std of field \"{}\" must not be zero; give its standard deviation, or "
                                      "take the field out of `normalize`",
                                      field)});
  }
}

void check_guard(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const std::vector<std::string> fields = fields_of(network.outputs);
  const Names known = set_of(fields);
  for (const auto& [field, guard] : network.guard.fields) {
    const std::string here = path + ".guard." + field;
    if (known.count(field) == 0)
      problems.push_back(
          {here, fmt::format("\"{}\" is no output of network \"{}\"{}", field, network.name,
                             did_you_mean(field, fields, problems.size(), "; name one of its outputs"))});
    if (!(guard.min <= guard.max))
      problems.push_back(
          {here, fmt::format("the min {} of field \"{}\" is greater than its max {}; correct one of them", guard.min,
                             field, guard.max)});
    if (guard.fallback.empty()) continue;
    if (known.count(guard.fallback) > 0)
      problems.push_back(
          {here + ".fallback", fmt::format("the fallback \"{}\" is an output of the network itself; name a "
                                           "field that the component puts",
                                           guard.fallback)});
    if (guard.on_violation != OnViolation::fallback && network.guard.nonfinite != OnViolation::fallback)
      problems.push_back({here + ".fallback",
                          "nothing falls back: neither on_violation nor nonfinite is `fallback`; set one of "
                          "them to it, or take the fallback out"});
  }
}

void check_lag(const NetworkSpec& network, const std::string& path, Problems& problems) {
  if (network.lag < 0 || network.lag > 1)
    problems.push_back({path + ".lag", fmt::format("lag is {}; it is 0 or 1, so take `lag: 1` for outputs of the "
                                                   "exchange before",
                                                   network.lag)});
  if (network.lag > 0 && network.tape > 0)
    problems.push_back(
        {path + ".lag",
         "with a lag the component would put the adjoints of outputs that it has not got yet; take `lag` "
         "out, or the tape"});
}

void check_time(const Plan& plan, const NetworkSpec& network, const std::string& path, Problems& problems) {
  const ComponentSpec* component = find_component(plan, network.component);
  if (component == nullptr) return;
  if (network.coupling_period > 0 && component->timestep == 0) {
    problems.push_back(
        {path + ".coupling_period", fmt::format("a coupling_period needs the timestep of component \"{}\"; give "
                                                "components.{}.timestep",
                                                component->name, component->name)});
  } else if (network.coupling_period > 0 && network.coupling_period % component->timestep != 0) {
    problems.push_back(
        {path + ".coupling_period",
         fmt::format("the coupling_period is {} times the timestep of component \"{}\"; it must be a whole "
                     "multiple, so change one of them",
                     static_cast<double>(network.coupling_period) / static_cast<double>(component->timestep),
                     component->name)});
  }
  if (network.time_reduction != Reduction::none && network.coupling_period == 0)
    problems.push_back(
        {path + ".time_reduction",
         "a time_reduction needs a coupling_period; give one, since without it every step has its exchange"});
}

void check_calendar(const Plan& plan, Problems& problems) {
  if (!plan.calendar.given) return;
  for (const ComponentSpec& component : plan.components)
    if (component.timestep == 0)
      problems.push_back({"components." + component.name,
                          fmt::format("component \"{}\" needs a timestep, since the plan has a calendar; give "
                                      "components.{}.timestep",
                                      component.name, component.name)});
}

void check_timeouts(const Plan& plan, Problems& problems) {
  if (plan.timeout_physics >= plan.timeout) return;
  constexpr double k_second = k_microseconds_per_second;
  problems.push_back(
      {"timeout_physics",
       fmt::format("timeout_physics is {:.12g} s, shorter than the timeout of {:.12g} s, which bounds every "
                   "wait; make it longer, or leave it out",
                   static_cast<double>(plan.timeout_physics) / k_second,
                   static_cast<double>(plan.timeout) / k_second)});
}

}  // namespace

std::vector<Problem> cross_check(const Plan& plan) {
  Problems problems;
  Writers writers;
  if (plan.components.empty())
    problems.push_back(
        {"components", "a plan needs at least one component; name it, as in `components: {atmosphere: {}}`"});
  if (plan.networks.empty())
    problems.push_back({"networks", "a plan needs at least one network; describe it under `networks`"});
  check_calendar(plan, problems);
  check_timeouts(plan, problems);
  if (!plan.resume.empty() && !label_problem(plan.resume).empty())
    problems.push_back({"resume", label_problem(plan.resume)});
  for (const NetworkSpec& network : plan.networks) {
    const std::string path = "networks." + network.name;
    check_component(plan, network, path, problems);
    check_ranks(network, path, problems);
    check_inline(network, path, problems);
    check_time(plan, network, path, problems);
    check_lag(network, path, problems);
    check_sizes(network, path, problems);
    check_builtin(network, path, problems);
    check_optimize(network, path, problems);
    check_float16(network, path, problems);
    check_cuda_graph(network, path, problems);
    check_repeats(network.inputs, path + ".inputs", problems);
    if (network.source.kind != SourceKind::none) check_repeats(network.outputs, path + ".outputs", problems);
    check_outputs(network, path, writers, problems);
    check_normalize(network, path, problems);
    check_guard(network, path, problems);
    check_learning(plan, network, path, problems);
  }
  check_learning_files(plan, problems);
  check_record(plan, problems);
  return problems;
}

}  // namespace ekman
