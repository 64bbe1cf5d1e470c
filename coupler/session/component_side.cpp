// Implements component_side.hpp.
#include "coupler/session/component_side.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/base/joined.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/layout/layout.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/array_values.hpp"
#include "coupler/session/undefined_outputs.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

}  // namespace

ComponentSide::ComponentSide(std::string component, std::unique_ptr<Watchdog> watchdog, Communicator found,
                             MPI_Comm models, MlLibrary library)
    : component_(std::move(component)),
      library_(library),
      job_(start_component(std::move(watchdog), std::move(found), component_, library)),
      state_(job_.watchdog->state()),
      models_local_(job_.local.clone()),
      clock_(step_clock(job_.plan, component_)),
      local_rank_(job_.local.rank()) {
  models_local_.use_errhandler_of(models);
  watch_ = std::make_unique<FinalizeWatch>(whoami() +
                                           ": MPI_Finalize was called before finalize of the coupler; call "
                                           "that first, or the ML ranks would wait for ever");
}

std::string ComponentSide::whoami() const { return fmt::format("component \"{}\", rank {}", component_, local_rank_); }

void ComponentSide::require(Phase phase, const char* call) const {
  if (phase_ == phase) return;
  if (phase_ == Phase::finalized)
    misuse(fmt::format("{} was called after finalize; no call may follow finalize", call));
  misuse(phase == Phase::run ? fmt::format("{} was called before enddef; end the definitions first", call)
                             : fmt::format("{} was called after enddef; define everything before it", call));
}

void ComponentSide::def_points(const ArrayView& ids, const std::string& name) {
  require(Phase::define, "def_points");
  if (name.find('\n') != std::string::npos) misuse("the name of a point set has a line break; take it out");
  if (points_.count(name) != 0)
    misuse(fmt::format("the point set \"{}\" is defined twice; give each set a name of its own", name));
  std::vector<std::int64_t> values;
  if (ids.kind == ElementKind::int32) {
    append_values<std::int32_t>(ids, values);
  } else if (ids.kind == ElementKind::int64) {
    append_values<std::int64_t>(ids, values);
  } else {
    misuse("global ids must be int32 or int64; pass an array of such a kind");
  }
  points_[name] = std::move(values);
}

void ComponentSide::def_field(const std::string& name, const FieldOptions& options) {
  require(Phase::define, "def_field");
  if (fields_.count(name) != 0) misuse(fmt::format("field \"{}\" is defined twice; define it once", name));
  if ((name + options.units + options.points).find('\n') != std::string::npos) {
    misuse(fmt::format("field \"{}\" has a line break in its name, units or point set; take it out", name));
  }
  const auto points = points_.find(options.points);
  if (points == points_.end()) {
    misuse(
        fmt::format("field \"{}\" is on the point set \"{}\", which is not defined (defined: {}); call def_points "
                    "before def_field",
                    name, options.points, names_of(points_)));
  }
  if (options.levels < 1)
    misuse(fmt::format("field \"{}\" has levels = {}; it needs at least 1", name, options.levels));
  Field field;
  field.options = options;
  field.axes = Axes(options.axes.empty() ? (options.levels > 1 ? "pl" : "p") : options.axes);
  field.slots = static_cast<std::int64_t>(points->second.size());
  if (options.levels > 1 && field.axes.text().find('l') == std::string::npos) {
    misuse(fmt::format(
        "field \"{}\" has {} levels, but its axes \"{}\" have no 'l'; put one where the array has its levels", name,
        options.levels, field.axes.text()));
  }
  fields_[name] = std::move(field);
}

Definitions ComponentSide::definitions() const {
  Definitions definitions;
  for (const auto& [name, field] : fields_) {
    definitions[name] = {field.options.levels, field.options.units, field.options.points};
  }
  return definitions;
}

RouteDefinition ComponentSide::define_route(const NetworkSpec& spec, const Definitions& all) const {
  RouteDefinition definition;
  const std::vector<std::string> names = all_fields_of(spec);
  for (const std::string& name : names) definition.levels.push_back(all.at(name).levels);
  for (const std::string& name : truth_fields_of(spec)) definition.levels.push_back(all.at(name).levels);
  for (const std::string& name : fields_of(spec.outputs)) definition.gets.push_back(fields_.count(name) > 0);
  definition.ids = points_.at(fields_.at(names.front()).options.points);
  return definition;
}

// Those that are defined.
std::vector<std::string> ComponentSide::outputs_of(const NetworkSpec& spec) const {
  std::vector<std::string> outputs;
  for (const std::string& name : fields_of(spec.outputs))
    if (fields_.count(name) > 0) outputs.push_back(name);
  return outputs;
}

// What the route needs to say for what it waits.
RouteState ComponentSide::route_state(int network) {
  const NetworkSpec& spec = job_.plan.networks[network];
  const auto numbers = [&](const std::vector<std::string>& names) {
    std::vector<int> list;
    for (const std::string& name : names) list.push_back(job_.watchdog->fields().of(network, name));
    return list;
  };
  return {state_, network, numbers(fields_of(spec.inputs)), numbers(outputs_of(spec)), numbers(truth_fields_of(spec))};
}

void ComponentSide::bind(int network, ComponentRoute& route) {
  const NetworkSpec& spec = job_.plan.networks[network];
  const FieldNumbers& numbers = job_.watchdog->fields();
  const auto number = [&](const std::string& name) {
    Field& field = fields_.at(name);
    if (field.number == k_no_field) field.number = numbers.of(network, name);
    field.put_bits |= FieldNumbers::bit(numbers.of(network, name));
  };
  const auto feed = [&](Feed kind, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      number(names[i]);
      fields_.at(names[i]).feeds.push_back({&route, static_cast<int>(i), kind});
    }
  };
  feed(Feed::input, fields_of(spec.inputs));
  feed(Feed::truth, truth_fields_of(spec));
  const std::vector<std::string> outputs = outputs_of(spec);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    number(outputs[i]);
    Field& output = fields_.at(outputs[i]);
    output.output = {&route, static_cast<int>(i)};
    if (spec.lag == 0) output.needs = inputs_of(spec);
    const auto guard = spec.guard.fields.find(outputs[i]);
    if (guard == spec.guard.fields.end() || guard->second.fallback.empty()) continue;
    output.fallback = guard->second.fallback;
    number(output.fallback);
    output.needs.push_back(&*fields_.find(output.fallback));
    Field& fallback = fields_.at(output.fallback);
    fallback.kept =
        std::make_unique<Reducer>(output.fallback, Reduction::none, fallback.slots, fallback.options.levels);
  }
}

void ComponentSide::enddef(std::int64_t step) {
  require(Phase::define, "enddef");
  const CallScope call(state_, Call::enddef);
  const WaitScope waiting(state_, Call::enddef);
  state_.step(step_);
  if (step < 0) misuse(fmt::format("enddef was told that the next step is {}; steps count from 1", step));
  const Definitions mine = definitions();
  compare_definitions(job_, component_, mine, points_);
  const Definitions all = completed(job_.plan, component_, mine);
  std::string problem;
  for (std::size_t n = 0; n < job_.plan.networks.size(); ++n) {
    const NetworkSpec& spec = job_.plan.networks[n];
    Communicator comm = split_route(job_, static_cast<int>(n), component_, -1);
    if (!comm) continue;
    RouteDefinition definition = define_route(spec, all);
    const auto slots = static_cast<std::int64_t>(definition.ids.size());
    Route route = spec.is_inline() ? make_inline_route(std::move(comm), spec, definition, inline_tile(spec))
                                   : make_component_route(std::move(comm), spec, definition);
    route.hang_bells(spec, job_.shared_cores);
    routes_.push_back(std::make_unique<ComponentRoute>(std::move(route), spec, slots,
                                                       steps_between_exchanges(job_.plan, spec), job_.shared_cores,
                                                       job_.any_thread, route_state(static_cast<int>(n))));
    const Route& made = routes_.back()->route();
    sites_.push_back(spec.is_inline() ? NetworkSite{0, chunk_count(made.points, spec.rows_per_chunk()), "", node_name()}
                                      : share_site(made.comm, spec, made.points, job_.shared_cores));
    describe(spec, all, definition.ids, made);
    if (spec.is_inline()) {
      const std::string found = run_inline(static_cast<int>(n), *routes_.back());
      if (problem.empty()) problem = found;
    }
    bind(static_cast<int>(n), *routes_.back());
    const bool has_points = !routes_.back()->route().out.messages.empty();
    speakers_.push_back(static_cast<int>(job_.local.min(has_points ? local_rank_ : job_.local.size())));
  }
  // The ML ranks have loaded and tried their networks.
  const std::string step_problem = job_.plan.resume.empty() ? unresumed_step_problem(step) : "";
  agree(job_.all, step_problem.empty() ? ErrorCode::network : ErrorCode::usage,
        step_problem.empty() ? problem : step_problem);
  record_inline_run();
  for (auto& entry : fields_)
    if (entry.second.is_put()) puts_.push_back(&entry);
  if (!job_.plan.resume.empty()) resume(step);
  if (job_.plan.profile) begin_profile();
  phase_ = Phase::run;
}

ComponentSide::Field& ComponentSide::find_field(std::string_view name) {
  const auto found = fields_.find(name);
  if (found == fields_.end())
    misuse(fmt::format("there is no field \"{}\" (defined: {}); correct the name, or define it before enddef", name,
                       names_of(fields_)));
  return found->second;
}

// Slots that the array holds; throws if its shape is not what was defined.
std::int64_t ComponentSide::check_part(std::string_view name, const Field& field, const ColumnView& view,
                                       const Part& part) const {
  if (view.levels != field.options.levels) {
    misuse(
        fmt::format("field \"{}\" was defined with {} levels, the array has {}; correct the definition, or "
                    "pass all levels",
                    name, field.options.levels, view.levels));
  }
  const bool whole = part.first < 0;
  if (whole && view.slots != field.slots) {
    misuse(fmt::format("field \"{}\" has {} points on this rank, the array holds {}; give first= for a part", name,
                       field.slots, view.slots));
  }
  if (!whole && part.first + view.slots > field.slots) {
    misuse(
        fmt::format("field \"{}\" has {} points on this rank, the part goes from point {} to {} (counted from 1); "
                    "pass a part that ends sooner",
                    name, field.slots, part.first + 1, part.first + view.slots));
  }
  return view.slots;
}

Info ComponentSide::put(std::string_view name, const ArrayView& array, Part part) {
  require(Phase::run, "put");
  const CallTimer timer(profile_.get());
  Field& field = find_field(name);
  if (!field.is_put()) {
    if (field.output.route == nullptr) return Info::none;  // no network of the plan uses it; enddef said so
    misuse(fmt::format("field \"{}\" is no input of any network; only get may be called", name));
  }
  const CallScope call(state_, Call::put, field.number);
  const ColumnView view = make_column_view(array, field.axes);
  const std::int64_t count = check_part(name, field, view, part);
  const std::int64_t first = std::max<std::int64_t>(part.first, 0);
  bool whole = false;
  {
    const std::lock_guard<std::mutex> lock(coverage_mutex_);
    if (!field.coverage.add(first, count)) {
      misuse(
          fmt::format("field \"{}\" was put twice in {} for points among {} to {} (counted from 1); put every "
                      "point once, then advance",
                      name, clock_.name(step_), first + 1, first + count));
    }
    whole = field.coverage.covered() == field.slots;
  }
  if (field.kept != nullptr) {
    const TrapGuard guard;
    field.kept->add(view, first, count, true);
  }
  Info info = field.feeds.empty() ? Info::coupled : Info::held;
  for (const Binding& binding : field.feeds) {
    binding.route->put(binding.feed, binding.index, view, first, count, step_, on_init_thread());
    if (binding.route->couples(step_)) info = Info::coupled;
  }
  if (whole) state_.field_put(field.put_bits);
  return info;
}

Info ComponentSide::get(std::string_view name, const ArrayView& array, Part part) {
  require(Phase::run, "get");
  const CallTimer timer(profile_.get());
  Field& field = find_field(name);
  if (field.output.route == nullptr)
    misuse(fmt::format("field \"{}\" is no output of any network; name it in the plan, or do not get it", name));
  const CallScope call(state_, Call::get, field.number);
  const ColumnView view = make_column_view(array, field.axes);
  const std::int64_t count = check_part(name, field, view, part);
  const ComponentRoute& route = *field.output.route;
  require_put(field.needs, "get", name, route.spec().name);
  if (!route.has_outputs()) return Info::none;
  Reducer* fallback = field.fallback.empty() ? nullptr : fields_.at(field.fallback).kept.get();
  const std::int64_t given_up = field.output.route->get(field.output.index, view, std::max<std::int64_t>(part.first, 0),
                                                        count, on_init_thread(), fallback);
  if (given_up > 0) return Info::fallback;
  return route.couples(step_) ? Info::coupled : Info::held;
}

std::vector<const ComponentSide::Fields::value_type*> ComponentSide::inputs_of(const NetworkSpec& spec) const {
  std::vector<const Fields::value_type*> inputs;
  for (const std::string& name : fields_of(spec.inputs)) inputs.push_back(&*fields_.find(name));
  return inputs;
}

// Throws unless all of `needed` are put, for a call on `name` of a network.
void ComponentSide::require_put(const std::vector<const Fields::value_type*>& needed, const char* call,
                                std::string_view name, const std::string& network) {
  const std::lock_guard<std::mutex> lock(coverage_mutex_);
  for (const auto* entry : needed) {
    const auto& [input, source] = *entry;
    if (source.coverage.covered() == source.slots) continue;
    misuse(
        fmt::format("{} of \"{}\" in {} came before its input \"{}\" was put ({} of {} points); put all inputs of "
                    "network \"{}\" first",
                    call, name, clock_.name(step_), input, source.coverage.covered(), source.slots, network));
  }
}

void ComponentSide::advance() {
  require(Phase::run, "advance");
  const CallTimer timer(profile_.get());
  const CallScope call(state_, Call::advance);
  for (const auto* entry : puts_) {
    const auto& [name, field] = *entry;
    if (field.coverage.covered() == field.slots) continue;
    misuse(
        fmt::format("advance of {}: only {} of {} points of field \"{}\" were put; put every point once before "
                    "advance",
                    clock_.name(step_), field.coverage.covered(), field.slots, name));
  }
  for (const auto& route : routes_) route->end_step(step_);
  for (auto* entry : puts_) {
    entry->second.coverage.clear();
    if (entry->second.kept != nullptr) entry->second.kept->end_step(true);
  }
  if (profile_ != nullptr) profile_->end_step(step_, true);
  ++step_;
  state_.no_field_put();
  state_.step(step_);
}

void ComponentSide::finalize() {
  if (phase_ == Phase::finalized) misuse("finalize was called twice; call it once, at the end");
  require(Phase::run, "finalize");
  for (const auto& [name, field] : fields_) {
    if (!field.is_put() || field.coverage.covered() == 0) continue;
    misuse(fmt::format("finalize in {}: field \"{}\" was put, but the step was not ended; call advance first",
                       clock_.name(step_), name));
  }
  state_.enter(Call::finalize);
  for (const auto& route : routes_) route->finish();
  for (const auto& route : routes_) route->leave();
  if (profile_ != nullptr) merge_profile();
  const std::int64_t waiting = state_.begin_wait(Call::finalize, k_no_field, -1, -1);
  routes_.clear();
  watch_.reset();
  models_local_ = {};
  job_.local = {};
  finalize_together(std::move(job_.all));
  job_.found = {};
  state_.end_wait(waiting);
  job_.watchdog.reset();
  phase_ = Phase::finalized;
}

}  // namespace ekman
