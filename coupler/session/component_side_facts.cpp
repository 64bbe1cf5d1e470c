// What graphs over exchanges ask of a component rank, and its sums over ranks; see component_side.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "coupler/session/component_side.hpp"
#include "ekman/error.hpp"

namespace ekman {

FieldFacts ComponentSide::facts_of(std::string_view name) {
  require(Phase::run, "put_tensor/get_tensor");
  const Field& field = find_field(name);
  FieldFacts facts;
  facts.axes = field.axes.text();
  facts.slots = field.slots;
  facts.levels = field.options.levels;
  if (field.output.route != nullptr) {
    const NetworkSpec& spec = field.output.route->spec();
    facts.output_of = spec.name;
    facts.travels_as = spec.wire == Real::float64 ? ElementKind::real64 : ElementKind::real32;
  }
  for (const Binding& feed : field.feeds)
    if (feed.feed == Feed::input) facts.inputs_of.push_back(feed.route->spec().name);
  return facts;
}

std::vector<TapeFacts> ComponentSide::tapes() {
  require(Phase::run, "put_tensor/get_tensor");
  std::vector<TapeFacts> tapes;
  for (const auto& route : routes_) {
    if (!route->has_tape()) continue;
    TapeFacts facts;
    facts.network = route->spec().name;
    facts.inputs = fields_of(route->spec().inputs);
    facts.outputs = fields_of(route->spec().outputs);
    facts.length = route->spec().tape;
    facts.has_points = fields_.at(facts.inputs.front()).slots > 0;
    facts.steps = route->taped();
    const std::lock_guard<std::mutex> lock(coverage_mutex_);
    const bool is_put = std::all_of(facts.inputs.begin(), facts.inputs.end(), [&](const std::string& input) {
      const Field& field = fields_.at(input);
      return field.coverage.covered() == field.slots;
    });
    if (facts.has_points && is_put && !route->is_recorded()) facts.steps.push_back(step_);
    tapes.push_back(std::move(facts));
  }
  return tapes;
}

void ComponentSide::global_sum(const ArrayView& array) {
  require(Phase::run, "global_sum");
  const CallTimer timer(profile_.get());
  require_init_thread("global_sum");
  const bool is_double = array.kind == ElementKind::real64;
  if (!is_double && array.kind != ElementKind::real32)
    throw Error(ErrorCode::usage, "global_sum of integers; pass real32 or real64");
  std::int64_t stride = element_size(array.kind);
  for (int axis = 0; axis < array.rank; ++axis) {
    if (array.extent[axis] > 1 && array.stride[axis] != stride)
      throw Error(ErrorCode::usage, "global_sum of an array with gaps; pass one in one piece, first axis fastest");
    stride *= array.extent[axis];
  }
  const CallScope call(state_, Call::global_sum);
  for (const auto& route : routes_) route->post();  // the others may wait for rows that are packed here
  const WaitScope waiting(state_, Call::global_sum);
  job_.local.sum_alike(array.data, array.size(), is_double, job_.shared_cores);
}

}  // namespace ekman
