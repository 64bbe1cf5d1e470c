// Implements cluster.hpp.
#include "coupler/simulation/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <simgrid/Exception.hpp>
#include <simgrid/s4u.hpp>
#include <sstream>

#include "ekman/error.hpp"

namespace ekman {

namespace s4u = simgrid::s4u;

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

int to_count(const std::string& key, const std::string& value) {
  int number = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (problem == std::errc() && end == value.data() + value.size() && number > 0) return number;
  misuse(fmt::format("--cluster: {} must be a whole number above 0; found \"{}\"", key, value));
}

// With a unit, which SimGrid reads.
std::string to_amount(const std::string& key, const std::string& value) {
  if (!value.empty() && (std::isdigit(static_cast<unsigned char>(value.front())) != 0 || value.front() == '.'))
    return value;
  misuse(fmt::format("--cluster: {} must be a number with its unit, as in bandwidth=12.5GBps,latency=2us; found \"{}\"",
                     key, value));
}

}  // namespace

Cluster parse_cluster(const std::string& text) {
  Cluster cluster;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t sign = part.find('=');
    const std::string key = part.substr(0, sign), value = sign == std::string::npos ? "" : part.substr(sign + 1);
    if (key == "nodes") {
      cluster.nodes = to_count(key, value);
    } else if (key == "cores") {
      cluster.cores = to_count(key, value);
    } else if (key == "bandwidth") {
      cluster.bandwidth = to_amount(key, value);
    } else if (key == "latency") {
      cluster.latency = to_amount(key, value);
    } else if (key == "memory_bandwidth") {
      cluster.memory_bandwidth = to_amount(key, value);
    } else if (key == "memory_latency") {
      cluster.memory_latency = to_amount(key, value);
    } else {
      misuse(
          fmt::format("--cluster: there is no \"{}\"; it takes nodes, cores, bandwidth, latency, memory_bandwidth and "
                      "memory_latency, such as --cluster nodes=64,cores=32,bandwidth=12.5GBps,latency=2us",
                      key));
    }
  }
  return cluster;
}

std::vector<s4u::Host*> make_cluster(const Cluster& cluster, int nodes) {
  constexpr double k_speed = 1e9;  // of no meaning: work is told in seconds
  std::vector<s4u::Host*> hosts;
  try {
    s4u::NetZone* zone = s4u::create_star_zone("cluster");
    for (int n = 0; n < nodes; ++n) {
      s4u::Host* host = zone->create_host(fmt::format("node{}", n), k_speed);
      host->set_core_count(cluster.cores)->seal();
      // All of the latency on the way out: one link or the other makes no difference.
      const auto link = [&](const char* name, const std::string& bandwidth, const std::string& latency) {
        return zone->create_link(fmt::format("{}{}", name, n), bandwidth)->set_latency(latency);
      };
      const s4u::LinkInRoute out(link("out", cluster.bandwidth, cluster.latency)->seal());
      const s4u::LinkInRoute in(link("in", cluster.bandwidth, "0s")->seal());
      const s4u::LinkInRoute memory(link("memory", cluster.memory_bandwidth, cluster.memory_latency)->seal());
      zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, {out}, false);
      zone->add_route(nullptr, host->get_netpoint(), nullptr, nullptr, {in}, false);
      zone->add_route(host->get_netpoint(), host->get_netpoint(), nullptr, nullptr, {memory}, false);
      hosts.push_back(host);
    }
    zone->seal();
  } catch (const std::exception& problem) {
    misuse(fmt::format(
        "--cluster or --cfg: {}; bandwidths are such as 12.5GBps or 100Gbps, latencies such as 2us or 500ns",
        problem.what()));
  }
  return hosts;
}

std::vector<s4u::Host*> load_platform(const std::string& file) {
  if (!std::filesystem::is_regular_file(file))
    misuse(fmt::format("--platform: there is no file {}; name a platform file of SimGrid, or give --cluster", file));
  s4u::Engine& engine = *s4u::Engine::get_instance();
  try {
    engine.load_platform(file);
  } catch (const std::exception& problem) {
    misuse(fmt::format("--platform: SimGrid cannot read {}: {}; correct the file", file, problem.what()));
  }
  std::vector<s4u::Host*> hosts = engine.get_all_hosts();
  // By name, numbers in it as numbers: node9 before node10.
  const auto number = [](const std::string& name) {
    const std::size_t at = name.find_first_of("0123456789");
    return at == std::string::npos ? 0L : std::strtol(name.c_str() + at, nullptr, 10);
  };
  std::sort(hosts.begin(), hosts.end(), [&](const s4u::Host* a, const s4u::Host* b) {
    return std::make_pair(number(a->get_name()), a->get_name()) < std::make_pair(number(b->get_name()), b->get_name());
  });
  return hosts;
}

}  // namespace ekman
