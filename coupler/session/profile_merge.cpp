// Implements profile_merge.hpp.
#include "coupler/session/profile_merge.hpp"

#include <algorithm>
#include <tuple>

#include "coupler/base/version.hpp"

namespace ekman {

namespace {

constexpr int k_tag_profiles = 1;  // between ranks of job.all

void add_bundle(std::vector<std::string>& texts, const std::string& bytes) {
  for (std::string& text : unbundle(bytes)) texts.push_back(std::move(text));
}

}  // namespace

int profile_network(const Plan& plan, const std::string& component) {
  for (std::size_t n = 0; n < plan.networks.size(); ++n) {
    const NetworkSpec& network = plan.networks[n];
    if (network.component == component && !network.is_inline()) return static_cast<int>(n);
  }
  return -1;
}

// The length of each, then the text.
std::string bundle(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    const std::size_t size = text.size();
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes += text;
  }
  return bytes;
}

std::vector<std::string> unbundle(const std::string& bytes) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t size = 0;
    bytes.copy(reinterpret_cast<char*>(&size), sizeof size, at);
    texts.push_back(bytes.substr(at + sizeof size, size));
    at += sizeof size + size;
  }
  return texts;
}

ProfileMerge::ProfileMerge(const Job& job, const std::string& component) : job_(job) {
  const bool sends = !component.empty() && profile_network(job.plan, component) < 0 && job.local.rank() == 0 &&
                     job.all.rank() != job.leader;
  senders_ = job.all.sum(std::int64_t{sends ? 1 : 0});
}

// It takes them in when it ends itself.
void ProfileMerge::receive_as_leader(std::vector<std::string>& ranks) const {
  for (std::int64_t left = senders_; left > 0; --left) {
    const int from = job_.all.wait_for_message(k_tag_profiles, job_.shared_cores);
    add_bundle(ranks, job_.all.receive_text(from, k_tag_profiles, job_.shared_cores));
  }
}

std::vector<std::string> ProfileMerge::of_component(const Communicator* route, const RankProfile& mine) const {
  const std::string bytes = to_bytes(mine, profile_limits(job_.all.size()));
  if (route != nullptr) {
    route->gather(bytes, 0, job_.shared_cores);
    return {};
  }
  std::vector<std::string> ranks = job_.local.gather(bytes, 0, job_.shared_cores);
  if (job_.local.rank() != 0) return {};
  if (job_.all.rank() != job_.leader) {
    job_.all.send_text(bundle(ranks), job_.leader, k_tag_profiles, job_.shared_cores);
    return {};
  }
  receive_as_leader(ranks);
  return ranks;
}

std::vector<std::string> ProfileMerge::of_ml(int network, const Communicator& route, const RankProfile& mine) const {
  std::vector<std::string> here{to_bytes(mine, profile_limits(job_.all.size()))}, ranks;
  const std::string& component = job_.plan.networks[static_cast<std::size_t>(network)].component;
  if (profile_network(job_.plan, component) == network) {
    for (const std::string& bytes : route.gather("", 0, job_.shared_cores))
      if (!bytes.empty()) here.push_back(bytes);
  }
  for (const std::string& bytes : job_.local.gather(bundle(here), 0, job_.shared_cores)) add_bundle(ranks, bytes);
  if (job_.all.rank() == job_.leader) receive_as_leader(ranks);
  return ranks;
}

RunProfile join_profiles(const Plan& plan, const std::vector<std::string>& ranks) {
  RunProfile run;
  run.version = build_version();
  for (const ComponentSpec& component : plan.components) run.components.push_back(component.name);
  for (const NetworkSpec& spec : plan.networks) {
    NetworkFacts facts;
    facts.name = spec.name;
    facts.component = spec.component;
    facts.is_inline = spec.is_inline();
    facts.learns = spec.training.given;
    facts.chunk = spec.rows_per_chunk();
    facts.lag = spec.lag;
    facts.period = steps_between_exchanges(plan, spec);
    run.networks.push_back(facts);
  }
  for (const std::string& bytes : ranks) run.ranks.push_back(rank_profile_from(bytes));
  const auto order = [](const RankProfile& rank) {
    return std::make_tuple(rank.component < 0, rank.component, rank.rank);
  };
  std::sort(run.ranks.begin(), run.ranks.end(),
            [&](const RankProfile& a, const RankProfile& b) { return order(a) < order(b); });
  for (const RankProfile& rank : run.ranks) {
    for (NetworkFacts& facts : run.networks) {
      const bool has_part = rank.component < 0 ? run.networks[static_cast<std::size_t>(rank.network)].name == facts.name
                                               : facts.is_inline && run.components[rank.component] == facts.component;
      if (has_part) facts.points += rank.points;
    }
  }
  return run;
}

}  // namespace ekman
