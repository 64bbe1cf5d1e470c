// Implements component_route.hpp.
#include "coupler/session/component_route.hpp"

#include "coupler/restart/restart_header.hpp"

namespace ekman {

ComponentRoute::ComponentRoute(Route route, const NetworkSpec& spec, std::int64_t slots, std::int64_t period,
                               bool shared_cores, bool any_thread, const RouteState& state)
    : route_(std::move(route)),
      spec_(spec),
      period_(period),
      context_{spec, state.writer, state.network, shared_cores, route_.bell},
      in_(route_.in, context_, state.inputs),
      truth_(route_.truth, context_, state.truth),
      out_(route_.out, context_, state.outputs, any_thread),
      any_thread_(any_thread) {
  if (spec_.tape > 0) {
    adjoint_ = std::make_unique<ComponentAdjoint>(route_, context_, slots, state.inputs, state.outputs);
  }
  const bool reduced = spec_.time_reduction != Reduction::none && period_ > 1;
  for (const Direction* direction : {&route_.in, &route_.truth}) {
    for (const FieldSlot& field : direction->layout.fields) {
      const bool last = !reduced || (direction == &route_.truth && field.name == spec_.training.weights);
      reducers_.push_back(last ? nullptr
                               : std::make_unique<Reducer>(field.name, spec_.time_reduction, slots, field.levels));
    }
  }
}

void ComponentRoute::run_inline(const Plan& plan, std::int64_t tile, std::unique_ptr<InlineNetwork> network) {
  inline_restart_ =
      std::make_unique<InlineRestart>(plan, spec_, route_, tile, network.get(), reducers_, context_.shared_cores);
  inline_ = std::make_unique<InlineForward>(route_, spec_, tile, std::move(network), context_.network,
                                            step_clock(plan, spec_.component), context_.writer);
}

void ComponentRoute::put(Feed feed, int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                         std::int64_t step, bool init_thread) {
  if (count == 0) return;
  const std::size_t number =
      static_cast<std::size_t>(field) + (feed == Feed::input ? 0 : route_.in.layout.fields.size());
  Reducer* reducer = reducers_[number].get();
  if (reducer != nullptr) {
    const TrapGuard guard;
    reducer->add(columns, first, count, couples(step));
  }
  if (!couples(step)) return;
  if (adjoint_ != nullptr) {
    adjoint_->require_whole("put");
    if (!is_recorded_) adjoint_->require_room(step);
  }
  const WorkTimer timer(context_.writer.profile(), Stage::pack, context_.network);
  const RowMoment when{step, next_turn()};
  if (reducer == nullptr) {
    sender(feed).pack(field, columns, first, count, when, Call::put);
  } else {
    sender(feed).pack(field, reducer->result(first, count), first, count, when, Call::put);
  }
  if (init_thread || any_thread_) flush();
}

Turn ComponentRoute::next_turn() const {
  if (adjoint_ == nullptr) return {};
  return {recorded_ + adjoint_->passes() + 1, 0, zero_ ? 1 : 0};
}

// The inputs leave before an adjoint may be waited for.
void ComponentRoute::record(std::int64_t step) {
  if (adjoint_ == nullptr || is_recorded_) return;
  adjoint_->record(step);
  flush();
  is_recorded_ = true;
  ++recorded_;
  zero_ = false;
}

void ComponentRoute::put_adjoint(int output, const ColumnView& columns, std::int64_t first, std::int64_t count,
                                 bool retain, std::int64_t step) {
  adjoint_->put(output, columns, first, count, retain, {step, next_turn()});
  zero_ = false;
}

void ComponentRoute::get_adjoint(int input, const ColumnView& columns, std::int64_t first, std::int64_t count) {
  adjoint_->get(input, columns, first, count);
}

void ComponentRoute::zero_grad() {
  adjoint_->require_whole("zero_grad");
  adjoint_->clear();
  zero_ = true;
}

void ComponentRoute::flush() {
  if (!in_.across_nodes()) return;
  out_.start();
  in_.post();
  truth_.post();
}

// Before a wait for what the rows bring. With lag nobody waits for those of this exchange, of which a run may have
// none.
void ComponentRoute::flush_awaited() {
  if (spec_.lag == 0) flush();
}

std::int64_t ComponentRoute::get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                                 bool init_thread, Reducer* fallback) {
  const WorkTimer timer(context_.writer.profile(), Stage::unpack, context_.network);
  if (init_thread || any_thread_) flush_awaited();
  if (inline_ != nullptr) inline_->run();
  return out_.get(field, columns, first, count, init_thread, fallback);
}

bool ComponentRoute::status(LearningStatus& status) {
  flush_awaited();
  return out_.status(status);
}

void ComponentRoute::end_step(std::int64_t step) {
  for (const auto& reducer : reducers_) {
    if (reducer != nullptr) reducer->end_step(couples(step));
  }
  if (couples(step)) {
    record(step);
    flush();
    if (inline_ != nullptr) inline_->run();
    in_.end_exchange(Call::advance);
    truth_.end_exchange(Call::advance);
    open_ = false;
  }
  if (couples(step + 1)) begin_exchange();
}

// Outputs could be fetched until now.
void ComponentRoute::begin_exchange() {
  in_.begin_exchange();
  truth_.begin_exchange();
  out_.begin_exchange();
  open_ = true;
  is_recorded_ = false;
}

void ComponentRoute::write_restart(const std::string& label, std::int64_t step) {
  RestartRequest request;
  request.step = step;
  request.exchanges = open_ ? in_.exchange() : in_.exchange() + 1;
  if (adjoint_ != nullptr) request.turns = recorded_ + adjoint_->passes();
  request.drops = zero_;
  request.label = label;
  for (const auto& reducer : reducers_) {
    if (reducer != nullptr && reducer->steps() > 0) request.kinds.push_back(reducer->kind());
  }
  if (inline_restart_ != nullptr) return inline_restart_->write(request);
  ekman::write_restart(route_, request, reducers_);
}

void ComponentRoute::publish_restart(const std::string& label) {
  if (inline_restart_ != nullptr) return inline_restart_->publish(label);
  ekman::publish_restart(route_, label);
}

std::int64_t ComponentRoute::receive_restart() {
  if (inline_restart_ == nullptr) return ekman::receive_restart(route_, period_, reducers_);
  if (inline_restart_->restore()) inline_->hold();
  return inline_restart_->step();
}

// The exchanges before the cut whose outputs gets return count as the first ones, and these are on their way.
void ComponentRoute::resume(std::int64_t step) {
  const std::int64_t kept = exchanges_kept(step, period_, spec_.lag);
  for (std::int64_t i = 0; i < kept; ++i) {
    if (i > 0) begin_exchange();
    flush();
  }
  if (!couples(step)) {
    open_ = false;
  } else if (kept > 0) {
    begin_exchange();
  }
}

void ComponentRoute::finish() {
  if (adjoint_ != nullptr) adjoint_->require_whole("finalize");
  if (!open_) begin_exchange();
  out_.finish(Call::finalize);
  truth_.finish();
  in_.finish();
  if (adjoint_ != nullptr) adjoint_->finish();
}

void ComponentRoute::leave() {
  if (inline_ != nullptr) inline_->finish();
  const WaitScope waiting(context_.writer, Call::finalize, k_no_field, context_.network, -1);
  route_.comm.polite_barrier(context_.shared_cores);
}

}  // namespace ekman
