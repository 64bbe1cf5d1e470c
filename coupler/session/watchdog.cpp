// Implements watchdog.hpp.
#include "coupler/session/watchdog.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/base/node_clock.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/exchange/pack.hpp"

namespace ekman {

namespace {

// Signals of the model are for its own threads: the watchdog's blocks them all.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
};

std::int64_t milliseconds(std::int64_t microseconds) {
  constexpr std::int64_t k_for_ever = 1000000000000;  // some 30 years, so that sums and multiples stay far from the end
  return std::clamp<std::int64_t>(microseconds / 1000, 1, k_for_ever);
}

bool shares_memory(const Plan& plan) {
  return std::any_of(plan.networks.begin(), plan.networks.end(),
                     [](const NetworkSpec& network) { return network.transport == Transport::automatic; });
}

}  // namespace

Watchdog::Watchdog(std::string stranger, std::int64_t start_timeout)
    : stranger_(std::move(stranger)),
      timeout_(milliseconds(start_timeout)),
      timeout_physics_(timeout_),
      node_(node_name()) {
  state_.enter(Call::init);
  start_ = state_.begin_wait(Call::init, k_no_field, -1, -1);
  if (k_simulated)
    return;  // time stands still while its thread would look; the simulator finds ranks that wait for ever
  const NoSignals scope;
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  state_.leave(Call::finalize);
  state_.move_to(nullptr);
}

void Watchdog::share(const Communicator& all, const Plan& plan) {
  NodeMemory memory;
  std::string problem;
  int node_rank = 0;
  if (shares_memory(plan)) {
    const Communicator node = all.split_node();
    memory = NodeMemory(node, sizeof(StateRecord), problem);
    node_rank = node.rank();
  }
  if (!problem.empty()) {
    log_line(
        fmt::format("warning: the ranks of node {} cannot see what the others do ({}); make room in "
                    "/dev/shm, or a report of a timeout will say less",
                    node_, problem));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  timeout_ = milliseconds(plan.timeout);
  timeout_physics_ = milliseconds(plan.timeout_physics);
  plan_ = plan;
  fields_ = FieldNumbers(plan_);
  wake_.notify_one();
  if (!memory) return;
  memory_ = std::move(memory);
  node_rank_ = node_rank;
  for (int rank = 0; rank < memory_.ranks(); ++rank) {
    records_.push_back(reinterpret_cast<StateRecord*>(memory_.segment(rank)));
  }
  state_.move_to(records_[static_cast<std::size_t>(node_rank)]);
}

void Watchdog::introduce(const Identity& who) {
  state_.introduce(who);
  state_.end_wait(start_);
  state_.leave(Call::init);
}

std::int64_t Watchdog::tick() const {
  constexpr std::int64_t k_looks = 20, k_shortest = 50, k_longest = 5000;
  return std::clamp(timeout_ / k_looks, k_shortest, k_longest);
}

void Watchdog::watch() {
  const TrapGuard guard;
  std::unique_lock<std::mutex> lock(mutex_);
  std::int64_t before = node_milliseconds();
  std::uint64_t suspect = 0;
  while (!stop_) {
    wake_.wait_for(lock, std::chrono::milliseconds(tick()));
    const std::int64_t now = node_milliseconds();
    note_gap(before, now);
    before = now;
    const std::uint64_t waiting = state_.record().waiting.load(std::memory_order_acquire);
    if (stop_ || waiting == 0 || now - to_doing(waiting).since < tick()) {
      suspect = 0;
      continue;
    }
    const std::string report = judge(now);
    // Records are not read at one instant: only what two looks find is true.
    if (!report.empty() && suspect == waiting) end_job(report);
    suspect = report.empty() ? 0 : waiting;
  }
}

std::string Watchdog::judge(std::int64_t now) {
  Scene scene;
  scene.plan = &plan_;
  scene.fields = &fields_;
  scene.node = node_;
  scene.stranger = stranger_;
  scene.timeout = timeout_;
  scene.timeout_physics = timeout_physics_;
  scene.now = now;
  scene.me = records_.empty() ? 0 : node_rank_;
  for (const StateRecord* record : records_) scene.ranks.push_back(read_record(*record));
  if (records_.empty()) scene.ranks.push_back(read_record(state_.record()));
  scene.elapsed = [&](std::int64_t since) { return elapsed(since, now); };
  std::map<int, std::int64_t> seen;
  scene.process = [&](int i) {
    Scene::Process process;
    process.state = state_of(scene.ranks[static_cast<std::size_t>(i)].process);
    if (process.state == ProcessState::stopped || process.state == ProcessState::dead) {
      const auto before = not_running_.find(i);
      process.since = before == not_running_.end() ? now : before->second;
      seen[i] = process.since;
    }
    return process;
  };
  const std::string report = judge_wait(scene);
  not_running_ = std::move(seen);
  return report;
}

// A whole job that is suspended and goes on later has not waited meanwhile.
void Watchdog::note_gap(std::int64_t before, std::int64_t now) {
  constexpr std::int64_t k_late = 500;
  const std::int64_t due = before + tick();
  if (now > due + k_late) gaps_.push_back({due, now});
}

std::int64_t Watchdog::elapsed(std::int64_t since, std::int64_t now) const {
  std::int64_t sum = now - since;
  for (const Gap& gap : gaps_) sum -= std::max<std::int64_t>(0, gap.to - std::max(gap.from, since));
  return sum;
}

void Watchdog::end_job(const std::string& report) {
  const bool first = records_.empty() || records_[0]->reported.exchange(1) == 0;
  if (first) {
    log_line(report);
  } else {
    std::this_thread::sleep_for(std::chrono::seconds(10));  // for the rank that reports to end the job
  }
  abort_world_from_any_thread(1);
}

}  // namespace ekman
