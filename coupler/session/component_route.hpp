// The component rank's story of an exchange on one route: rows are packed, messages leave, outputs come back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "coupler/exchange/pack.hpp"
#include "coupler/exchange/reduction.hpp"
#include "coupler/session/component_restart.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// Where a route tells for what it waits: the number of its network, and those of its fields (see FieldNumbers).
struct RouteState {
  StateWriter& writer;
  int network;
  std::vector<int> inputs, outputs;
};

// Puts and gets of disjoint slots may come from several threads; calls marked "init thread" come from the thread
// that made the coupler. It is the only one that calls MPI, unless `any_thread` says that all may.
class ComponentRoute {
 public:
  // `period`: steps from one exchange to the next; step 1 has one. `slots`: of the component's point set on this rank.
  ComponentRoute(Route route, const NetworkSpec& spec, std::int64_t slots, std::int64_t period, bool shared_cores,
                 bool any_thread, RouteState state);

  bool couples(std::int64_t step) const { return (step - 1) % period_ == 0; }

  // In a step that couples: packs slots [first, first + count) of input field `field` (its index among the inputs) from
  // slots [0, count) of `columns`. Messages that are whole now are posted; across nodes only by a thread that may call
  // MPI. In others the values go into the time reduction, if there is one.
  void put(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, std::int64_t step,
           bool init_thread);
  // Waits for the rows of slots [first, first + count), then unpacks output field `field` into `columns`. Across nodes
  // a thread that may not call MPI cannot wait: an Error, unless the init thread's get of this exchange has received
  // them. Points that the guard gave up are taken from `fallback` (all slots of the field; null: left alone). Returns
  // how many.
  std::int64_t get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, bool init_thread,
                   Reducer* fallback);
  // Init thread. Ends the step, and its exchange if it has one.
  void end_step(std::int64_t step);
  // Init thread. Tells the ML ranks that nothing follows.
  void finish();
  // Init thread, after finish. Collective over the route: nobody leaves while others still make steps.
  void leave();

  // Init thread, between steps, on all ranks of the component: the part of a restart set that this network has, before
  // step `step`.
  void write_restart(const std::string& label, std::int64_t step);
  // At enddef of a run that resumes: the step of the set, 0 if this rank has no points; then goes on before `step`, the
  // component's.
  std::int64_t receive_restart() { return ekman::receive_restart(route_, period_, reducers_); }
  void resume(std::int64_t step);

  const NetworkSpec& spec() const { return spec_; }
  const Route& route() const { return route_; }

 private:
  struct Outgoing {
    std::atomic<std::int64_t> rows_missing{0};  // rows x fields not yet packed
    bool posted = false;                        // init thread, across nodes only
  };

  void send(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, std::int64_t step,
            bool init_thread);
  void begin_exchange();
  void end_exchange();
  void wait_until_inputs_free(Call call, int field);
  void packed(int message, std::int64_t rows, std::int64_t step);
  void flush();
  std::int64_t unpack_guarded(const Run& run, int field, const ColumnView& columns, std::int64_t slot,
                              std::int64_t count, std::int64_t first, Reducer* fallback);
  void receive_all(int field);
  void wait_for_requests(Direction& direction, Call call);
  void wait_for(int message, int field, bool may_call_mpi);
  void progress();
  void reset();

  Route route_;
  const NetworkSpec& spec_;
  std::int64_t period_;
  bool shared_cores_;
  bool any_thread_;
  RouteState state_;
  std::int64_t fields_;        // inputs
  std::int64_t exchange_ = 0;  // this one or, between couplings, the last one; from 0
  bool open_ = true;           // it takes puts
  Reducers reducers_;
  std::unique_ptr<Outgoing[]> outgoing_;
  std::unique_ptr<std::atomic<bool>[]> arrived_;
  bool receiving_ = false;  // receives of this exchange are started
  std::atomic<bool> inputs_free_{true};
  std::mutex inputs_mutex_;
  std::mutex mpi_mutex_;
};

}  // namespace ekman
