// Adjoints and gradients as a component rank sees them; see component_side.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "coupler/base/joined.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/session/component_side.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

}  // namespace

void ComponentSide::require_init_thread(const char* call) const {
  if (on_init_thread()) return;
  misuse(fmt::format("{} was called from a thread other than the one that called init; call it there", call));
}

ComponentRoute& ComponentSide::find_route(const std::string& network, const std::string& call) const {
  std::vector<std::string> names;
  for (const auto& route : routes_) {
    if (route->spec().name == network) return *route;
    names.push_back(route->spec().name);
  }
  misuse(fmt::format("{}: there is no network \"{}\" of this component{}", call, network,
                     did_you_mean(network, names, fmt::format("; name one of: {}", joined(names, ", ")))));
}

void ComponentSide::put_adjoint(std::string_view name, const ArrayView& array, Part part, bool retain) {
  require(Phase::run, "put_adjoint");
  const CallTimer timer(profile_.get());
  require_init_thread("put_adjoint");
  Field& field = find_field(name);
  ComponentRoute* route = field.output.route;
  if (route == nullptr || !route->has_tape()) {
    misuse(
        fmt::format("put_adjoint of \"{}\": it is no output of a network that keeps a tape; name an output, and give "
                    "its network a `tape` in the plan",
                    name));
  }
  const CallScope call(state_, Call::put_adjoint, field.number);
  const ColumnView view = make_column_view(array, field.axes);
  const std::int64_t count = check_part(name, field, view, part);
  settle_exchange(*route, fmt::format("put_adjoint of \"{}\"", name));
  route->put_adjoint(field.output.index, view, std::max<std::int64_t>(part.first, 0), count, retain, step_);
}

// If the inputs of this step are put, its exchange comes before `what`.
void ComponentSide::settle_exchange(ComponentRoute& route, const std::string& what) {
  std::size_t whole = 0, begun = 0;
  const std::vector<std::string> inputs = fields_of(route.spec().inputs);
  for (const std::string& input : inputs) {
    const Field& source = fields_.at(input);
    begun += source.coverage.covered() > 0 ? 1 : 0;
    whole += source.coverage.covered() == source.slots ? 1 : 0;
  }
  if (begun > 0 && whole < inputs.size()) {
    misuse(
        fmt::format("{} in {} came between the puts of the inputs of network \"{}\"; put all of them before, or after",
                    what, clock_.name(step_), route.spec().name));
  }
  if (begun > 0) route.record(step_);
}

void ComponentSide::get_adjoint(std::string_view name, const ArrayView& array, Part part) {
  require(Phase::run, "get_adjoint");
  const CallTimer timer(profile_.get());
  require_init_thread("get_adjoint");
  Field& field = find_field(name);
  std::vector<const Binding*> taped;
  for (const Binding& binding : field.feeds) {
    if (binding.feed == Feed::input && binding.route->has_tape()) taped.push_back(&binding);
  }
  if (taped.empty()) {
    misuse(
        fmt::format("get_adjoint of \"{}\": it is no input of a network that keeps a tape; name an input, and give "
                    "its network a `tape` in the plan",
                    name));
  }
  const CallScope call(state_, Call::get_adjoint, field.number);
  const ColumnView view = make_column_view(array, field.axes);
  const std::int64_t count = check_part(name, field, view, part);
  if (taped.size() > 1) {
    std::vector<std::string> names;
    for (const Binding* binding : taped) names.push_back(binding->route->spec().name);
    misuse(
        fmt::format("get_adjoint of \"{}\": it is an input of several networks with a tape ({}), whose adjoints are "
                    "not the same; give each network an input field of its own name",
                    name, joined(names, ", ")));
  }
  taped.front()->route->get_adjoint(taped.front()->index, view, std::max<std::int64_t>(part.first, 0), count);
}

void ComponentSide::zero_grad(const std::string& network) {
  require(Phase::run, "zero_grad");
  const CallTimer timer(profile_.get());
  require_init_thread("zero_grad");
  ComponentRoute& route = find_route(network, "zero_grad");
  if (!route.has_tape())
    misuse(fmt::format("zero_grad of network \"{}\", which keeps no tape; give it a `tape` in the plan", network));
  settle_exchange(route, fmt::format("zero_grad of network \"{}\"", network));
  route.zero_grad();
}

}  // namespace ekman
