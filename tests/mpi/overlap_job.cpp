// What a component waits for while a network learns, with a network whose forward and learning stand still until they
// are let on: a component that waited for them would wait for ever. Nothing here is a matter of time. The gates lie in
// shared memory, so that an ML rank that stands still makes no MPI call, like one that computes.
//
// overlap_job CASE TRANSPORT [undefined]
//   The last rank is the ML rank, the others are the component, each with a chunk of its own (with lag: in one).
//   outputs   outputs come, the step ends and the next exchange is put while the exchange is being learned from
//   late      outputs come to a rank that puts last while the others have put all that is learned from
//   pure      without gets, the step ends while the forward runs
//   pressure  without gets, a second exchange is put while the first is being learned from, and the third waits
//   lag       with lag, the next exchange is put and outputs of the last one are fetched while its forward stands
//   still; the
//             end loses nothing
//   lag_pressure  the same without gets, and the third exchange waits
//   undefined: the component does not define the output; then no forward is run, but with lag, for restart sets
#include <sched.h>

#include <atomic>
#include <cstring>
#include <iostream>
#include <limits>
#include <new>
#include <string>
#include <thread>

#include "coupler/comm/handshake.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/comm/window.hpp"
#include "coupler/session/component_route.hpp"
#include "coupler/session/definitions.hpp"
#include "coupler/session/ml_side.hpp"
#include "coupler/session/startup.hpp"
#include "coupler/session/undefined_outputs.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr std::int64_t k_points = 100;  // of a component rank
constexpr std::int64_t k_exchanges = 5;
constexpr std::int64_t k_all = std::numeric_limits<std::int64_t>::max();

// Exchanges, from 1: the last one whose forward or learning has begun, and the last one that may go on.
struct Gates {
  std::atomic<std::int64_t> forward_begun{0}, forward_allowed{k_all}, learning_begun{0}, learning_allowed{k_all};
  std::atomic<std::int64_t> ranks_held{0};
};

void wait_for(const std::atomic<std::int64_t>& number, std::int64_t least) {
  while (number.load() < least) sched_yield();
}

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "FAILED: " << what << std::endl;
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::abort();
}

// Outputs are the inputs; nothing is learned, step by step.
class GatedEngine final : public Engine, private Learner {
 public:
  GatedEngine(Gates& gates, std::int64_t row_bytes, std::int64_t chunks)
      : gates_(gates), row_bytes_(row_bytes), chunks_(chunks) {}

  void forward(const std::byte* in, std::byte* out, std::int64_t rows) override {
    const std::int64_t exchange = forwards_++ / chunks_ + 1;
    gates_.forward_begun = exchange;
    wait_for(gates_.forward_allowed, exchange);
    std::memcpy(out, in, static_cast<std::size_t>(rows * row_bytes_));
  }
  std::string describe() const override { return "gated"; }
  std::string arithmetic() const override { return ""; }
  NetworkSize size() const override { return {}; }
  Learner* learner() override { return this; }

 private:
  std::int64_t tile() const override { return 1; }
  void add(const Lesson& lesson) override {
    gates_.learning_begun = lesson.exchange + 1;
    wait_for(gates_.learning_allowed, lesson.exchange + 1);
  }
  std::vector<double>& sums() override { return sums_; }
  std::byte* gradient() override { return reinterpret_cast<std::byte*>(&gradient_); }
  std::int64_t gradient_size() const override { return 1; }
  Real gradient_kind() const override { return Real::float64; }
  void drop() override {}
  StepReport step() override {
    ++last_.step;
    last_.made = true;
    return last_;
  }
  const StepReport& last() const override { return last_; }
  LearnedState state() const override { return {}; }
  void restore(const LearnedState&) override {}
  std::string script() const override { return ""; }
  void with_best(const std::function<void()>& visit) override { visit(); }
  std::uint64_t fingerprint() const override { return 0; }

  Gates& gates_;
  std::int64_t row_bytes_, chunks_, forwards_ = 0;
  std::vector<double> sums_{0.0};
  double gradient_ = 0.0;
  StepReport last_;
};

Plan make_plan(const std::string& setting) {
  const std::string transport = setting.substr(0, setting.find('+'));
  NetworkSpec network;
  network.lag = setting == transport ? 0 : 1;
  network.name = "net";
  network.component = "air";
  // With lag one chunk for both ranks: when its forward begins, all rows are taken, and no send of them is left to wait
  // for.
  network.chunk = network.lag > 0 ? 2 * k_points : k_points;
  network.wire = Real::float64;
  network.transport = transport == "auto" ? Transport::automatic : Transport::point_to_point;
  network.inputs = {{{"x"}, Combine::concat}};
  network.outputs = {{{"y"}, Combine::concat}};
  network.training.given = true;
  network.training.targets = {{"y", "y_true"}};
  network.training.loss.resize(1);
  network.training.loss[0].fields = {"y"};
  Plan plan;
  plan.components = {{"air", 0, -1, {}}};
  plan.networks = {network};
  return plan;
}

void serve(Gates& gates, const std::string& setting, Communicator found) {
  constexpr std::int64_t k_timeout = 600 * k_microseconds_per_second;
  const Job job = start_ml(std::make_unique<Watchdog>("ML rank", k_timeout), std::move(found), setting, &make_plan);
  job.watchdog->introduce({true, true, 0, 0, 0});
  compare_definitions(job);
  const NetworkSpec& spec = job.plan.networks[0];
  Route route = make_ml_route(split_route(job, 0, "", 0), spec);
  auto engine =
      std::make_unique<GatedEngine>(gates, route.in.row_bytes, static_cast<std::int64_t>(route.chunks.size()));
  MlSide side(std::move(route), spec, std::move(engine), {nullptr, 1, step_clock(job.plan, "air"), {"net"}}, {}, {},
              job.shared_cores, job.watchdog->state());
  side.serve();
}

class Component {
 public:
  Component(Gates& gates, Communicator found, bool defines_output)
      : gates_(gates),
        job_(start_component(std::make_unique<Watchdog>("component", k_start_timeout_of_components), std::move(found),
                             "air", nullptr)) {
    Definitions mine{{"x", {}}, {"y_true", {}}};
    if (defines_output) mine["y"] = {};
    std::vector<std::int64_t> ids(k_points);
    for (std::int64_t i = 0; i < k_points; ++i) ids[i] = job_.local.rank() * k_points + i;
    compare_definitions(job_, "air", mine, {{"", ids}});
    const NetworkSpec& spec = job_.plan.networks[0];
    Route route = make_component_route(split_route(job_, 0, "air", -1), spec, {ids, {1, 1, 1}, {defines_output}});
    const bool sends_outputs = route.out.row_bytes > 0 && !route.out.runs.empty();
    if (sends_outputs != defines_output) fail("outputs travel if they are not defined, or the other way round");
    route_ = std::make_unique<ComponentRoute>(std::move(route), spec, k_points, 1, job_.shared_cores, job_.any_thread,
                                              RouteState{job_.watchdog->state(), 0, {0}, {1}, {2}});
  }

  bool is_first() const { return job_.local.rank() == 0; }
  const Communicator& local() const { return job_.local; }
  bool has_outputs() const { return route_->has_outputs(); }
  bool waits() const { return job_.watchdog->state().record().waiting.load() != 0; }

  void put_inputs(std::int64_t step) { put(Feed::input, step); }
  void put_targets(std::int64_t step) { put(Feed::truth, step); }
  void get(std::int64_t step) {
    route_->get(0, view(), 0, k_points, true, nullptr);
    for (const double value : values_)
      if (value != static_cast<double>(step)) fail("an output is not of this exchange");
  }
  void end_step(std::int64_t step) { route_->end_step(step); }
  void finalize() {
    route_->finish();
    route_->leave();
  }
  // Collective. Then one of them lets the ML rank go on.
  void allow(std::atomic<std::int64_t>& gate, std::int64_t exchange) const {
    job_.local.barrier();
    if (is_first()) gate = exchange;
  }

 private:
  void put(Feed feed, std::int64_t step) {
    values_.assign(k_points, static_cast<double>(step));
    route_->put(feed, 0, view(), 0, k_points, step, true);
  }
  ColumnView view() { return make_column_view(contiguous_view(values_.data(), {k_points}), Axes("p")); }

  Gates& gates_;
  Job job_;
  std::unique_ptr<ComponentRoute> route_;
  std::vector<double> values_;
};

void run_outputs(Component& air, Gates& gates) {
  air.put_inputs(1);
  air.put_targets(1);
  for (std::int64_t n = 1; n <= k_exchanges; ++n) {
    air.get(n);
    wait_for(gates.learning_begun, n);
    air.end_step(n);
    if (n < k_exchanges) {
      air.put_targets(n + 1);
      air.put_inputs(n + 1);
    }
    air.allow(gates.learning_allowed, n);
  }
}

void run_late(Component& air, Gates& gates) {
  for (std::int64_t n = 1; n <= k_exchanges; ++n) {
    const auto exchange = [&] {
      air.put_targets(n);
      air.put_inputs(n);
      air.get(n);
    };
    if (air.is_first()) exchange();
    air.local().barrier();
    if (!air.is_first()) exchange();
    air.end_step(n);
    air.allow(gates.learning_allowed, n);
  }
}

void run_pure(Component& air, Gates& gates) {
  for (std::int64_t n = 1; n <= k_exchanges; ++n) {
    air.put_targets(n);
    air.put_inputs(n);
    wait_for(gates.forward_begun, n);
    air.end_step(n);
    air.allow(gates.forward_allowed, n);
  }
}

// Ekman's own record of waits says that a rank is held; only then is the learning let on.
void run_pressure(Component& air, Gates& gates) {
  const auto put = [&](std::int64_t n) {
    air.put_targets(n);
    air.put_inputs(n);
  };
  put(1);
  air.end_step(1);
  wait_for(gates.learning_begun, 1);
  put(2);
  air.end_step(2);
  air.local().barrier();
  std::thread watcher([&] {
    while (!air.waits()) sched_yield();
    ++gates.ranks_held;
    wait_for(gates.ranks_held, air.local().size());
    gates.learning_allowed = k_all;
  });
  put(3);
  air.end_step(3);
  if (gates.learning_allowed != k_all) fail("three exchanges are in flight");
  watcher.join();
  for (std::int64_t n = 4; n <= k_exchanges; ++n) {
    put(n);
    air.end_step(n);
  }
}

// Nothing but the get waits for the forward, and that for the one of the exchange before.
void run_lag(Component& air, Gates& gates) {
  for (std::int64_t n = 1; n <= k_exchanges; ++n) {
    if (air.has_outputs() != (n > 1)) fail("there are outputs too early, or too late");
    const auto fetch = [&] {
      air.allow(gates.forward_allowed, n - 1);
      if (n > 1) air.get(n - 1);
    };
    if (n % 2 == 1) fetch();
    air.put_targets(n);
    air.put_inputs(n);
    if (n % 2 == 0) fetch();
    if (n < k_exchanges) {
      wait_for(gates.forward_begun, n);
    } else {
      wait_for(gates.learning_begun, n - 1);  // which the last forward must wait for, and may not go on
    }
    air.end_step(n);
  }
  air.local().barrier();
}

// The last forward has not begun until one of the ranks waits in finalize.
void finalize_with_outputs_to_come(Component& air, Gates& gates) {
  std::thread watcher([&] {
    while (!air.waits() && gates.learning_allowed != k_all) sched_yield();
    gates.forward_allowed = k_all;
    gates.learning_allowed = k_all;
  });
  air.finalize();
  watcher.join();
  if (gates.forward_begun != k_exchanges || gates.learning_begun != k_exchanges) fail("an exchange is lost");
}

void run_lag_pressure(Component& air, Gates& gates) {
  const auto put = [&](std::int64_t n) {
    air.put_targets(n);
    air.put_inputs(n);
    air.end_step(n);
  };
  put(1);
  wait_for(gates.forward_begun, 1);
  put(2);
  air.local().barrier();
  std::thread watcher([&] {
    while (!air.waits()) sched_yield();
    ++gates.ranks_held;
    wait_for(gates.ranks_held, air.local().size());
    gates.forward_allowed = k_all;
  });
  put(3);
  if (gates.forward_allowed != k_all) fail("three exchanges are in flight");
  watcher.join();
  for (std::int64_t n = 4; n <= k_exchanges; ++n) put(n);
}

// When all is over.
void check_forwards(const Gates& gates, bool expected) {
  if (gates.forward_begun != (expected ? k_exchanges : 0)) fail("forwards are run for nobody, or left out");
}

void run(const std::string& name, const std::string& transport, bool defines_output) {
  const Communicator world = Communicator::borrow(MPI_COMM_WORLD);
  const Communicator node = world.split_node();
  if (node.size() != world.size()) fail("this test is for one node");
  const bool has_lag = name.rfind("lag", 0) == 0, forward_stands = has_lag || name == "pure";
  const SharedWindow window(node, node.rank() == 0 ? sizeof(Gates) : 0);
  if (node.rank() == 0) {
    Gates& gates = *new (window.segment(0)) Gates;
    (forward_stands ? gates.forward_allowed : gates.learning_allowed) = 0;
    if (name == "lag") gates.learning_allowed = k_exchanges - 2;
  }
  node.barrier();
  Gates& gates = *reinterpret_cast<Gates*>(window.segment(0));
  std::vector<Communicator> found = handshake(MPI_COMM_WORLD, {k_group_name});
  if (world.rank() == world.size() - 1) return serve(gates, transport + (has_lag ? "+lag" : ""), std::move(found[0]));
  Component air(gates, std::move(found[0]), defines_output);
  if (name == "outputs") run_outputs(air, gates);
  if (name == "late") run_late(air, gates);
  if (name == "pure") run_pure(air, gates);
  if (name == "pressure") run_pressure(air, gates);
  if (name == "lag") {
    run_lag(air, gates);
    return finalize_with_outputs_to_come(air, gates);
  }
  if (name == "lag_pressure") run_lag_pressure(air, gates);
  air.finalize();
  check_forwards(gates, defines_output || has_lag);
}

}  // namespace
}  // namespace ekman

int main(int argc, char** argv) {
  const ekman::MpiProcess process(&argc, &argv);
  if (argc < 3) return 2;
  try {
    ekman::run(argv[1], argv[2], argc == 3);
  } catch (const std::exception& error) {
    ekman::fail(error.what());
  }
  return 0;
}
