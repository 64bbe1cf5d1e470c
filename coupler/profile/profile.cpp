// Implements profile.hpp.
#include "coupler/profile/profile.hpp"

#include <algorithm>

namespace ekman {

namespace {

constexpr double k_second = 1e9;  // nanoseconds

}  // namespace

void ProfileCourse::add(std::int64_t step, const std::array<std::int64_t, k_stages>& nanoseconds) {
  if (step < 1) return;
  while (static_cast<std::size_t>((step - 1) / width) >= k_most_bins) widen(2 * width);
  const auto bin = static_cast<std::size_t>((step - 1) / width);
  if (bins.size() <= bin) bins.resize(bin + 1);
  for (std::size_t stage = 0; stage < k_stages; ++stage)
    bins[bin][stage] += static_cast<float>(static_cast<double>(nanoseconds[stage]) / k_second);
}

void ProfileCourse::widen(std::int64_t wider) {
  const auto joined = static_cast<std::size_t>(wider / width);
  for (std::size_t bin = 0; bin < bins.size(); ++bin) {
    const std::array<float, k_stages> seconds = bins[bin];
    bins[bin] = {};
    for (std::size_t stage = 0; stage < k_stages; ++stage) bins[bin / joined][stage] += seconds[stage];
  }
  bins.resize((bins.size() + joined - 1) / joined);
  width = wider;
}

Profile::Profile(int networks, int home)
    : home_(home), lanes_(static_cast<std::size_t>(networks) + 1), now_(new Now[lanes_.size()]) {
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) lanes_[lane].network = static_cast<std::int16_t>(lane) - 1;
  first_events_.reserve(k_kept_events);
  last_events_.reserve(k_kept_events);
}

std::int64_t& Profile::told_of_thread() {
  thread_local std::int64_t nanoseconds = 0;
  return nanoseconds;
}

void Profile::begin(std::int64_t step) {
  begin_ = last_ = profile_clock();
  step_ = step;
}

void Profile::add(Stage stage, int network, std::int64_t begin, std::int64_t end) {
  const std::size_t lane = static_cast<std::size_t>(network + 1);
  now_[lane].nanoseconds[place_of(stage)].fetch_add(std::max<std::int64_t>(end - begin, 0), std::memory_order_relaxed);
  if (std::this_thread::get_id() != thread_) return;
  keep({static_cast<double>(begin - begin_) / k_second, static_cast<float>(static_cast<double>(end - begin) / k_second),
        static_cast<std::int32_t>(step_), static_cast<std::int16_t>(network), static_cast<std::int16_t>(stage)});
}

void Profile::keep(const ProfileEvent& event) {
  if (first_events_.size() < k_kept_events) {
    first_events_.push_back(event);
  } else if (last_events_.size() < k_kept_events) {
    last_events_.push_back(event);
  } else {
    last_events_[next_] = event;
    next_ = (next_ + 1) % k_kept_events;
  }
}

void Profile::end_step(std::int64_t step, bool tells_physics) {
  const std::int64_t now = profile_clock();
  if (tells_physics) {
    // An event that ends where the last call begins would hide what lies between calls; a sum does not.
    const std::int64_t physics = std::max<std::int64_t>(now - last_ - in_calls_ - (now - call_), 0);
    now_[0].nanoseconds[place_of(Stage::physics)].fetch_add(physics, std::memory_order_relaxed);
    in_calls_ = 0;
    call_ = now;
  }
  std::array<std::int64_t, k_stages> passed;
  for (std::size_t l = 0; l < lanes_.size(); ++l) {
    ProfileLane& lane = lanes_[l];
    bool any = false;
    for (std::size_t stage = 0; stage < k_stages; ++stage) {
      passed[stage] = now_[l].nanoseconds[stage].exchange(0, std::memory_order_relaxed);
      if (passed[stage] == 0) continue;
      any = true;
      const double seconds = static_cast<double>(passed[stage]) / k_second;
      StageSum& sum = lane.sums[stage];
      ++sum.count;
      sum.seconds += seconds;
      sum.longest = std::max(sum.longest, seconds);
    }
    if (any) lane.course.add(step, passed);
  }
  ++steps_;
  step_ = step + 1;
  last_ = now;
}

std::vector<ProfileLane> Profile::lanes() const {
  std::vector<ProfileLane> lanes;
  for (const ProfileLane& lane : lanes_)
    if (!lane.course.bins.empty()) lanes.push_back(lane);
  return lanes;
}

std::vector<ProfileEvent> Profile::events() const {
  std::vector<ProfileEvent> events = first_events_;
  events.insert(events.end(), last_events_.begin() + static_cast<std::ptrdiff_t>(next_), last_events_.end());
  events.insert(events.end(), last_events_.begin(), last_events_.begin() + static_cast<std::ptrdiff_t>(next_));
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return events;
}

}  // namespace ekman
