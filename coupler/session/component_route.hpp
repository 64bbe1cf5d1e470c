// The component rank's story of an exchange on one route: rows are packed, messages leave, outputs come back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/exchange/pack.hpp"
#include "coupler/exchange/reduction.hpp"
#include "coupler/session/component_adjoint.hpp"
#include "coupler/session/component_restart.hpp"
#include "coupler/session/inline_forward.hpp"
#include "coupler/session/inline_restart.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/row_receiver.hpp"
#include "coupler/session/row_sender.hpp"

namespace ekman {

// Where a route tells for what it waits: the number of its network, and those of its fields (see FieldNumbers).
struct RouteState {
  StateWriter& writer;
  int network;
  std::vector<int> inputs, outputs, truth;
};

// What a put feeds: an argument of the network, or what it learns from.
enum class Feed { input, truth };

// Puts and gets of disjoint slots may come from several threads; calls marked "init thread" come from the thread
// that made the coupler. It is the only one that calls MPI, unless `any_thread` says that all may.
class ComponentRoute {
 public:
  // `period`: steps from one exchange to the next; step 1 has one. `slots`: of the component's point set on this rank.
  ComponentRoute(Route route, const NetworkSpec& spec, std::int64_t slots, std::int64_t period, bool shared_cores,
                 bool any_thread, const RouteState& state);

  // Collective over the route, before all else. The network runs in this process (null: no points here), in tiles of
  // `tile` rows.
  void run_inline(const Plan& plan, std::int64_t tile, std::unique_ptr<InlineNetwork> network);

  bool couples(std::int64_t step) const { return (step - 1) % period_ == 0; }

  // In a step that couples: packs slots [first, first + count) of field `field` (its index among those of `feed`) from
  // slots [0, count) of `columns`. Messages that are whole now are posted; across nodes only by a thread that may call
  // MPI. In others the values go into the time reduction, if there is one.
  void put(Feed feed, int field, const ColumnView& columns, std::int64_t first, std::int64_t count, std::int64_t step,
           bool init_thread);
  // Something is computed that gets return: with lag not before the second exchange.
  bool has_outputs() const { return out_.has_rows(); }
  // Then: waits for the rows of slots [first, first + count), and unpacks output field `field` into `columns`; see
  // RowReceiver.
  std::int64_t get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, bool init_thread,
                   Reducer* fallback);
  // Init thread; see ComponentAdjoint. Between steps, or after record().
  void put_adjoint(int output, const ColumnView& columns, std::int64_t first, std::int64_t count, bool retain,
                   std::int64_t step);
  void get_adjoint(int input, const ColumnView& columns, std::int64_t first, std::int64_t count);
  // Init thread, with a tape, between steps or after record(). Gradients of the network's parameters, and its tape, are
  // dropped before the next turn.
  void zero_grad();
  // Init thread. All inputs of this exchange are put: it is on the tape.
  void record(std::int64_t step);
  bool has_tape() const { return adjoint_ != nullptr; }
  // With a tape: steps of the exchanges on it, and whether that of this step has been recorded.
  const std::vector<std::int64_t>& taped() const { return adjoint_->taped(); }
  bool is_recorded() const { return is_recorded_; }
  // Init thread. What the network had learned when the outputs that gets return were computed; waits for them. False on
  // a rank without points.
  bool status(LearningStatus& status);
  // Init thread. Across nodes: what is whole leaves, whoever packed it.
  void post() { flush_awaited(); }
  // Init thread. Ends the step, and its exchange if it has one.
  void end_step(std::int64_t step);
  // Init thread. Tells the ML ranks that nothing follows.
  void finish();
  // Init thread, after finish. Collective over the route: nobody leaves while others still make steps.
  void leave();

  // Init thread, between steps, on all ranks of the component: the part of a restart set that this network has, before
  // step `step`.
  void write_restart(const std::string& label, std::int64_t step);
  // On the rank that has the first point of the component, when all networks have theirs.
  void publish_restart(const std::string& label);
  // At enddef of a run that resumes, of a network that runs inline: opens its part of the set.
  InlineRestart* inline_restart() { return inline_restart_.get(); }
  // At enddef of a run that resumes: the step of the set, 0 if this rank has no points; then goes on before `step`, the
  // component's.
  std::int64_t receive_restart();
  void resume(std::int64_t step);

  const NetworkSpec& spec() const { return spec_; }
  const Route& route() const { return route_; }

 private:
  RowSender& sender(Feed feed) { return feed == Feed::input ? in_ : truth_; }
  void flush();
  void flush_awaited();
  void begin_exchange();
  Turn next_turn() const;

  Route route_;
  const NetworkSpec& spec_;
  std::int64_t period_;
  RowContext context_;
  RowSender in_;
  RowSender truth_;
  RowReceiver out_;
  bool any_thread_;
  bool open_ = true;                           // the exchange takes puts
  Reducers reducers_;                          // of inputs, then of truth; null: the last value counts
  std::unique_ptr<ComponentAdjoint> adjoint_;  // null: without tape
  std::unique_ptr<InlineForward> inline_;      // null: ML ranks run the network
  std::unique_ptr<InlineRestart> inline_restart_;
  std::int64_t recorded_ = 0;  // exchanges that are or were on the tape
  bool is_recorded_ = false;   // this one is
  bool zero_ = false;          // the next turn drops gradients and tape
};

}  // namespace ekman
