// Implements run_profile.hpp.
#include "coupler/profile/run_profile.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace ekman {

namespace {

constexpr std::size_t k_most_bins_of_job = 1 << 18, k_most_events_of_job = 1 << 20;
constexpr std::size_t k_least_bins = 16, k_least_events = 64;

class Writer {
 public:
  template <class T>
  void operator()(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void operator()(const std::string& text) { list(text); }
  template <class List>
  void list(const List& values) {
    (*this)(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(*values.data()));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : next_(bytes.data()) {}
  template <class T>
  void operator()(T& value) {
    copy(&value, sizeof value);
  }
  void operator()(std::string& text) { list(text); }
  template <class List>
  void list(List& values) {
    std::size_t size = 0;
    (*this)(size);
    values.resize(size);
    copy(values.data(), size * sizeof(*values.data()));
  }

 private:
  void copy(void* to, std::size_t size) {
    if (size > 0) std::memcpy(to, next_, size);
    next_ += size;
  }

  const char* next_;
};

// Both directions, so that they cannot drift apart.
template <class Archive, class Rank>
void visit(Archive& archive, Rank& rank) {
  archive(rank.component);
  archive(rank.rank);
  archive(rank.network);
  archive(rank.node);
  archive(rank.device);
  archive(rank.points);
  archive(rank.steps);
  archive(rank.seconds);
}

template <class Archive, class Lane>
void visit_lane(Archive& archive, Lane& lane) {
  archive(lane.network);
  archive(lane.sums);
  archive(lane.course.width);
  archive.list(lane.course.bins);
}

}  // namespace

void RankProfile::take(const Profile& profile) {
  steps = profile.steps();
  seconds = profile.seconds();
  lanes = profile.lanes();
  events = profile.events();
}

ProfileLimits profile_limits(int ranks) {
  const auto count = static_cast<std::size_t>(std::max(ranks, 1));
  ProfileLimits limits;
  limits.bins = std::clamp(k_most_bins_of_job / count, k_least_bins, limits.bins);
  limits.events = std::clamp(k_most_events_of_job / count, k_least_events, limits.events);
  return limits;
}

std::string to_bytes(const RankProfile& profile, const ProfileLimits& limits) {
  Writer writer;
  visit(writer, profile);
  writer(profile.lanes.size());
  for (ProfileLane lane : profile.lanes) {
    while (lane.course.bins.size() > limits.bins) lane.course.widen(2 * lane.course.width);
    visit_lane(writer, lane);
  }
  std::vector<ProfileEvent> events = profile.events;
  if (events.size() > limits.events) {
    const auto half = static_cast<std::ptrdiff_t>(limits.events / 2);
    events.erase(events.begin() + half, events.end() - half);
  }
  writer.list(events);
  return writer.take();
}

RankProfile rank_profile_from(const std::string& bytes) {
  Reader reader(bytes);
  RankProfile profile;
  visit(reader, profile);
  std::size_t lanes = 0;
  reader(lanes);
  profile.lanes.resize(lanes);
  for (ProfileLane& lane : profile.lanes) visit_lane(reader, lane);
  reader.list(profile.events);
  return profile;
}

}  // namespace ekman
