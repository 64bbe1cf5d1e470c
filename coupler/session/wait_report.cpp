// Implements wait_report.hpp.
#include "coupler/session/wait_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "coupler/session/wait_words.hpp"

namespace ekman {

namespace {

constexpr std::size_t k_max_lines = 24;
// Out of sight, the rank that waits for inputs sees more: it speaks first.
constexpr std::int64_t k_longest_grace = 10000;  // milliseconds

enum class End { stopped, dead, own_code, busy, unseen, ring, nobody };

// A rank that is waited for: its index in the scene, or -1 and its words.
struct Target {
  int index = -1;
  std::string words;
  std::string silence;  // unseen: what is known of it
};

class Judge {
 public:
  explicit Judge(const Scene& scene) : scene_(scene), me_(scene.ranks[static_cast<std::size_t>(scene.me)]) {}

  std::string judge() {
    if (me_.wait.call == Call::none) return "";
    walk(scene_.me, me_.wait.since);
    if (!time_is_up_) return "";
    add_others();
    std::string report =
        fmt::format("error: {} has waited too long ({}); who waits for whom, seen on node {}:", rank_words(scene_, me_),
                    limits(), scene_.node);
    for (const std::string& line : lines_) report += "\nekman:   " + line;
    return report + "\nekman:   " + remedy();
  }

 private:
  const RankState& rank(int i) const { return scene_.ranks[static_cast<std::size_t>(i)]; }
  // A wait that may last for many steps of others: of an ML rank for inputs, or, without chunks, for the end.
  bool may_last() const { return me_.wait.call == Call::inputs || (me_.who.is_ml && me_.wait.call == Call::finalize); }
  void say(const std::string& line) {
    if (lines_.size() < k_max_lines) lines_.push_back(line);
  }

  std::string limits() const {
    const double timeout = static_cast<double>(scene_.timeout) / 1000.0;
    const double physics = static_cast<double>(scene_.timeout_physics) / 1000.0;
    return me_.who.known ? fmt::format("timeout: {:.12g} s, timeout_physics: {:.12g} s", timeout, physics)
                         : fmt::format("the start may take {:.12g} s", timeout);
  }

  // `youngest`: since when all waits on the way to here have lasted.
  void walk(int i, std::int64_t youngest, int from = -1) {
    path_.push_back(i);
    const RankState& state = rank(i);
    const std::string who = rank_words(scene_, state);
    const std::string missing = from < 0 ? "" : missing_words(scene_, rank(from), state);
    const Scene::Process process = i == scene_.me ? Scene::Process{} : scene_.process(i);
    if (process.state == ProcessState::stopped || process.state == ProcessState::dead) {
      const bool dead = process.state == ProcessState::dead;
      say(fmt::format("{} is {} (process {}){}; it was {}", who, dead ? "dead" : "stopped", state.process.number,
                      missing, state.wait.call == Call::none ? doing_words(scene_, state) : waiting_words(state)));
      culprit_ = state.process.number;
      return end(dead ? End::dead : End::stopped, std::max(youngest, process.since));
    }
    if (state.wait.call == Call::none) {
      const bool own_code = !state.who.is_ml && !state.doing.inside;
      say(fmt::format("{} is {}{}", who, doing_words(scene_, state), missing));
      return end(own_code ? End::own_code : End::busy, std::max(youngest, state.doing.since));
    }
    const std::vector<Target> targets = targets_of(i);
    say(fmt::format("{} {}{}", who, wait_words(scene_, state, join(state, targets)), missing));
    youngest = std::max(youngest, state.wait.since);
    if (targets.empty()) return end(End::nobody, youngest);
    for (const Target& target : targets) follow(i, target, youngest);
  }

  void follow(int from, const Target& target, std::int64_t youngest) {
    if (target.index < 0) {
      if (!target.silence.empty()) say(target.words + target.silence);
      return end(End::unseen, youngest);
    }
    if (std::find(done_.begin(), done_.end(), target.index) != done_.end()) return;
    const auto met = std::find(path_.begin(), path_.end(), target.index);
    if (met == path_.end()) {
      const std::size_t depth = path_.size();
      walk(target.index, youngest, from);
      done_.insert(done_.end(), path_.begin() + static_cast<std::ptrdiff_t>(depth), path_.end());
      path_.resize(depth);
      return;
    }
    const RankState& first = rank(target.index);
    say(fmt::format("{} closes the ring{}", rank_words(scene_, first), missing_words(scene_, rank(from), first)));
    end(End::ring, youngest);
  }

  // in wait for ML rank 0; without the targets of the targets.
  std::string waiting_words(const RankState& state) const {
    const int i = static_cast<int>(&state - scene_.ranks.data());
    return "in a wait: it " + wait_words(scene_, state, join(state, targets_of(i)));
  }

  static std::string join(const RankState& state, const std::vector<Target>& targets) {
    constexpr std::size_t k_named = 4;
    if (targets.empty()) return "ranks that cannot be seen from here";
    std::string text;
    const std::size_t named = std::min(k_named, targets.size());
    for (std::size_t t = 0; t < named; ++t) text += fmt::format("{}{}", t == 0 ? "" : " and ", targets[t].words);
    const std::int64_t all =
        std::max(state.wait.call == Call::inputs ? state.late_count : 0, static_cast<std::int64_t>(targets.size()));
    if (all > static_cast<std::int64_t>(named))
      text += fmt::format(" and {} more", all - static_cast<std::int64_t>(named));
    return text;
  }

  std::vector<Target> targets_of(int i) const {
    const RankState& state = rank(i);
    if (state.wait.call == Call::inputs) {
      std::vector<Target> targets;
      for (const Late& late : state.late)
        targets.push_back(component_target(state.who.owner, late.rank, late.last_step));
      return targets;
    }
    if (state.wait.peer >= 0) {
      return {state.who.is_ml ? component_target(state.who.owner, state.wait.peer, state.step)
                              : ml_target(state.wait.network, state.wait.peer)};
    }
    return companions(i);
  }

  int find(bool is_ml, int owner, std::int64_t number) const {
    for (std::size_t i = 0; i < scene_.ranks.size(); ++i) {
      const Identity& who = scene_.ranks[i].who;
      if (who.known && who.is_ml == is_ml && who.owner == owner && (is_ml ? who.place : who.rank) == number) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  Target ml_target(int network, int place) const {
    const int index = find(true, network, place);
    if (index >= 0) return {index, rank_words(scene_, rank(index)), ""};
    return {-1, unseen_ml_words(scene_, network, place),
            " is out of sight (on another node, or by transport: point_to_point), and silent"};
  }

  Target component_target(int network, std::int64_t number, std::int64_t last_step) const {
    const std::string& name = scene_.plan->networks.at(static_cast<std::size_t>(network)).component;
    const auto& components = scene_.plan->components;
    const auto component = std::find_if(components.begin(), components.end(),
                                        [&](const ComponentSpec& spec) { return spec.name == name; });
    const int index = find(false, static_cast<int>(component - components.begin()), number);
    if (index >= 0) return {index, rank_words(scene_, rank(index)), ""};
    return {-1, unseen_component_words(scene_, network, number),
            " is out of sight (on another node, or by transport: point_to_point): silent, " +
                (last_step > 0 ? fmt::format("last message at step {}", last_step) : "no message yet")};
  }

  // Of a call that ranks make together: those that have not come.
  std::vector<Target> companions(int i) const {
    std::vector<Target> targets;
    const Call call = rank(i).wait.call;
    for (std::size_t other = 0; other < scene_.ranks.size(); ++other) {
      const RankState& state = scene_.ranks[other];
      const int index = static_cast<int>(other);
      if (index == i || !state.who.known || state.wait.call == call) continue;
      const bool past = state.doing.call == Call::finalize && !state.doing.inside;
      const bool of_component = call == Call::scalar || call == Call::global_sum;
      if (of_component && (state.who.is_ml || state.who.owner != rank(i).who.owner)) continue;
      if (call == Call::learning_step && !learns_with(state, rank(i))) continue;
      if (past || (call == Call::finalize && component_of(state) != component_of(rank(i)))) continue;
      targets.push_back({index, rank_words(scene_, state), ""});
    }
    return targets;
  }

  // ML ranks of one network; those without chunks wait for its end.
  static bool learns_with(const RankState& other, const RankState& rank) {
    return other.who.is_ml && other.who.owner == rank.who.owner && other.wait.call != Call::finalize;
  }

  const std::string& component_of(const RankState& state) const {
    const auto owner = static_cast<std::size_t>(state.who.owner);
    return state.who.is_ml ? scene_.plan->networks.at(owner).component : scene_.plan->components.at(owner).name;
  }

  void end(End kind, std::int64_t youngest) {
    const std::int64_t waited = scene_.elapsed(me_.wait.since), held = scene_.elapsed(youngest);
    const std::int64_t grace = std::min(scene_.timeout / 4, k_longest_grace);
    const bool in_sight = kind != End::unseen && kind != End::nobody;
    bool up = in_sight && !may_last() && waited >= scene_.timeout_physics;
    switch (kind) {
      case End::stopped:
      case End::dead:
      case End::ring:
        up = up || held >= scene_.timeout;
        break;
      case End::busy:
        up = up || (!may_last() && held >= scene_.timeout);
        break;
      case End::own_code:
        up = up || held >= scene_.timeout_physics;
        break;
      case End::unseen:
      case End::nobody:
        up = waited >= (may_last() ? silence_allowed() : scene_.timeout_physics + (me_.who.known ? grace : 0));
        break;
    }
    if (up && !time_is_up_) {
      time_is_up_ = true;
      worst_ = kind;
      worst_process_ = culprit_;
    }
  }

  // If rows of the exchange are there, somebody waits. If not, the component may be on its way to it, step by
  // step; and a rank that is waited for shall speak first. The end of a run that is out of sight may be far.
  std::int64_t silence_allowed() const {
    if (me_.wait.call == Call::finalize) return std::numeric_limits<std::int64_t>::max();
    if (me_.there_count > 0) return scene_.timeout_physics;
    const NetworkSpec& network = scene_.plan->networks.at(static_cast<std::size_t>(me_.who.owner));
    return 2 * scene_.timeout_physics * steps_between_exchanges(*scene_.plan, network);
  }

  // Ranks that wait for one of the chain, and are not in it.
  void add_others() {
    done_.insert(done_.end(), path_.begin(), path_.end());
    constexpr int k_named = 4;
    int more = 0;
    for (std::size_t i = 0; i < scene_.ranks.size(); ++i) {
      const RankState& state = scene_.ranks[i];
      if (state.wait.call == Call::none || state.wait.call == Call::inputs || state.wait.peer < 0) continue;
      if (std::find(done_.begin(), done_.end(), static_cast<int>(i)) != done_.end()) continue;
      const std::vector<Target> targets = targets_of(static_cast<int>(i));
      if (std::find(done_.begin(), done_.end(), targets[0].index) == done_.end()) continue;
      if (++more <= k_named)
        say(fmt::format("{} {}", rank_words(scene_, state), wait_words(scene_, state, targets[0].words)));
    }
    if (more > k_named) say(fmt::format("and {} more ranks wait for these", more - k_named));
  }

  std::string remedy() const {
    switch (worst_) {
      case End::stopped:
        return fmt::format("find out what stopped process {}: a signal, a debugger or the batch system",
                           worst_process_);
      case End::dead:
        return fmt::format("find out why process {} ended: see what it wrote, and the log of its node", worst_process_);
      case End::ring:
        return "these ranks wait for each other in a ring; let all ranks put and get these fields in the "
               "same order";
      case End::busy:
        return "if this may take so long, give the plan a longer timeout";
      case End::own_code:
        return "let all ranks make the same calls of Ekman in each step, before a call of MPI that waits for "
               "other ranks; if "
               "the code outside Ekman may take so long, give the plan a longer timeout_physics";
      case End::unseen:
      case End::nobody:
        break;
    }
    if (!me_.who.known) {
      return "all programs of the job must come to ekman_init, or to another call of the MPI handshake; if "
             "their start may "
             "take so long, give `ekman serve` a longer --start-timeout";
    }
    return "see what the ranks of the other nodes write; if their code outside Ekman may take so long, give "
           "the plan a longer "
           "timeout_physics";
  }

  const Scene& scene_;
  const RankState& me_;
  std::vector<std::string> lines_;
  std::vector<int> path_;  // from me to here
  std::vector<int> done_;  // followed to their ends
  bool time_is_up_ = false;
  End worst_ = End::nobody;
  std::int64_t culprit_ = 0, worst_process_ = 0;
};

}  // namespace

std::string judge_wait(const Scene& scene) { return Judge(scene).judge(); }

}  // namespace ekman
