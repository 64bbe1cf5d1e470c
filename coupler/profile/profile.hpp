// Where the time of one rank goes: sums by stage, a coarse course over the steps, and the first and last events one by
// one. Bounded memory, whatever the length of the run, and two readings of the clock a stage.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "coupler/base/node_clock.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/profile/stage.hpp"

namespace ekman {

// Nanoseconds of this node's monotonic clock; about 20 ns a call.
inline std::int64_t profile_clock() {
  if constexpr (k_simulated) return simulated_clock();
  return node_nanoseconds();
}

struct StageSum {
  std::int64_t count = 0;  // steps in which there was any
  double seconds = 0.0;
  double longest = 0.0;  // of a step, in seconds
};

// Seconds of each stage in bins of `width` steps, of which the first begins with step 1.
struct ProfileCourse {
  static constexpr std::size_t k_most_bins = 256;
  std::int64_t width = 1;
  std::vector<std::array<float, k_stages>> bins;

  void add(std::int64_t step, const std::array<std::int64_t, k_stages>& nanoseconds);
  // Joins bins until they are `wider` steps wide, a power of two times what they are.
  void widen(std::int64_t wider);
};

struct ProfileEvent {
  double begin = 0.0;  // seconds since enddef
  float seconds = 0.0F;
  std::int32_t step = 0;
  std::int16_t network = -1;  // in the plan; -1: of none
  std::int16_t stage = 0;
};

// What a rank spent on one network, or on none (its physics).
struct ProfileLane {
  std::int16_t network = -1;
  std::array<StageSum, k_stages> sums{};
  ProfileCourse course;
};

class Profile {
 public:
  // `networks`: of the plan; `home`: the one that stages are of unless they say otherwise, -1: none. The thread that
  // makes it is the one whose events are kept.
  explicit Profile(int networks, int home = -1);

  // The clock of the job begins, on all ranks at once as far as a collective can.
  void begin(std::int64_t step);
  // The thread that made it, around each call of a component: what is outside of them until end_step() is physics.
  void enter_call() { call_ = profile_clock(); }
  void leave_call() { in_calls_ += profile_clock() - call_; }
  bool is_mine() const { return std::this_thread::get_id() == thread_; }

  // Any thread.
  void add(Stage stage, int network, std::int64_t begin, std::int64_t end);
  // The step that comes, where it is not the one behind the last.
  void now_in(std::int64_t step) { step_ = step; }
  // The thread that made it: what came since the last one was step `step`. With `tells_physics` inside a call.
  void end_step(std::int64_t step, bool tells_physics = false);

  // Nanoseconds that this thread has told so far by timers, for work around them. Each library that this code is linked
  // into has counters of its own: those of the library that made the profile count.
  std::int64_t& told() const { return k_simulated ? told_of_simulated_ : told_(); }

  int home() const { return home_; }

  double seconds() const { return static_cast<double>(last_ - begin_) * 1e-9; }  // to the end of the last step
  std::int64_t steps() const { return steps_; }
  std::vector<ProfileLane> lanes() const;    // those with anything in them
  std::vector<ProfileEvent> events() const;  // ascending

 private:
  static constexpr std::size_t k_kept_events = 1024;  // of the beginning, and of the end

  struct Now {
    std::array<std::atomic<std::int64_t>, k_stages> nanoseconds{};
  };

  void keep(const ProfileEvent& event);
  static std::int64_t& told_of_thread();

  std::int64_t& (*told_)() = &told_of_thread;
  int home_;
  std::thread::id thread_ = std::this_thread::get_id();
  std::int64_t begin_ = 0;
  std::int64_t last_ = 0;
  std::int64_t steps_ = 0;
  std::int64_t step_ = 1;
  std::int64_t call_ = 0;                       // the call that it is in began then
  std::int64_t in_calls_ = 0;                   // of this step
  mutable std::int64_t told_of_simulated_ = 0;  // of a simulated rank, which has no thread of its own
  std::vector<ProfileLane> lanes_;              // of no network, then of each
  std::unique_ptr<Now[]> now_;                  // of each lane
  std::vector<ProfileEvent> first_events_, last_events_;
  std::size_t next_ = 0;  // in the ring of last_events_
};

// Tells what passes while it lives; null: nothing is told, at the price of a test.
class StageTimer {
 public:
  StageTimer(Profile* profile, Stage stage, int network)
      : profile_(profile), stage_(stage), network_(network), begin_(profile == nullptr ? 0 : profile_clock()) {}
  StageTimer(Profile* profile, Stage stage) : StageTimer(profile, stage, profile == nullptr ? -1 : profile->home()) {}
  ~StageTimer() {
    if (profile_ == nullptr) return;
    const std::int64_t end = profile_clock();
    profile_->add(stage_, network_, begin_, end);
    profile_->told() += end - begin_;
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Profile* profile_;
  Stage stage_;
  int network_;
  std::int64_t begin_;
};

// In a call of a component while it lives.
class CallTimer {
 public:
  explicit CallTimer(Profile* profile) : profile_(profile != nullptr && profile->is_mine() ? profile : nullptr) {
    if (profile_ != nullptr) profile_->enter_call();
  }
  ~CallTimer() {
    if (profile_ != nullptr) profile_->leave_call();
  }
  CallTimer(const CallTimer&) = delete;
  CallTimer& operator=(const CallTimer&) = delete;

 private:
  Profile* profile_;
};

// The same of all that StageTimers inside do not tell.
class WorkTimer {
 public:
  WorkTimer(Profile* profile, Stage stage, int network) : profile_(profile), stage_(stage), network_(network) {
    if (profile_ == nullptr) return;
    told_ = profile_->told();
    begin_ = profile_clock();
  }
  WorkTimer(Profile* profile, Stage stage) : WorkTimer(profile, stage, profile == nullptr ? -1 : profile->home()) {}
  ~WorkTimer() {
    if (profile_ == nullptr) return;
    const std::int64_t end = profile_clock(), inside = profile_->told() - told_;
    profile_->add(stage_, network_, begin_ + inside, end);
    profile_->told() += end - begin_ - inside;
  }
  WorkTimer(const WorkTimer&) = delete;
  WorkTimer& operator=(const WorkTimer&) = delete;

 private:
  Profile* profile_;
  Stage stage_;
  int network_;
  std::int64_t told_ = 0;
  std::int64_t begin_ = 0;
};

}  // namespace ekman
