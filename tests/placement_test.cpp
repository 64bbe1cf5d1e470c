// Which ML rank serves what, and on which device: a table of cases.
#include "coupler/engine/placement.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ekman/error.hpp"

namespace ekman {
namespace {

NetworkSpec network(const std::string& name, int ranks, std::vector<std::string> devices, int threads = 1) {
  NetworkSpec spec;
  spec.name = name;
  spec.ranks = ranks;
  spec.devices = std::move(devices);
  spec.threads = threads;
  return spec;
}

NetworkSpec in_component(const std::string& name) {
  NetworkSpec spec = network(name, 0, {"cpu"});
  spec.placed = Placed::in_component;
  return spec;
}

NetworkSpec with_cuda_graph(NetworkSpec spec) {
  spec.cuda_graph = true;
  return spec;
}

// One line a rank: "network.index device threads [note]".
std::string described(const std::vector<Placement>& places) {
  std::string text;
  for (const Placement& p : places) {
    text += fmt::format("{}.{} {} {}{}\n", p.network, p.index, p.device, p.threads, p.note.empty() ? "" : " " + p.note);
  }
  return text;
}

struct GoodCase {
  std::string name;
  std::vector<NetworkSpec> networks;
  std::vector<MlRank> ranks;
  std::string expected;
};

std::vector<GoodCase> good_cases() {
  return {
      {"nothing", {}, {}, ""},
      {"networks take ranks in plan order",
       {network("a", 2, {"cpu"}, 4), network("b", 1, {"cpu"}, 2)},
       {{"n0", 0}, {"n0", 0}, {"n1", 0}},
       "0.0 cpu 4\n0.1 cpu 4\n1.0 cpu 2\n"},
      {"a network in its component takes no rank",
       {in_component("a"), network("b", 1, {"cpu"}, 2)},
       {{"n0", 0}},
       "1.0 cpu 2\n"},
      {"auto without a GPU",
       {network("a", 1, {"auto"})},
       {{"n0", 0}},
       "0.0 cpu 1 auto: no GPU on this node, takes the CPU\n"},
      {"ranks on a CPU say that they have no CUDA graph",
       {with_cuda_graph(network("a", 3, {"cuda", "auto", "cpu"}))},
       {{"n0", 1}, {"n1", 0}, {"n0", 1}},
       "0.0 cuda:0 1\n0.1 cpu 1 auto: no GPU on this node, takes the CPU; cuda_graph is ignored on a CPU\n"
       "0.2 cpu 1 cuda_graph is ignored on a CPU\n"},
      {"auto round robin on each node",
       {network("a", 4, {"auto"})},
       {{"n0", 2}, {"n1", 2}, {"n0", 2}, {"n1", 2}},
       "0.0 cuda:0 1\n0.1 cuda:0 1\n0.2 cuda:1 1\n0.3 cuda:1 1\n"},
      {"the turn goes on over networks and skips CPU ranks",
       {network("a", 1, {"cuda"}), network("b", 1, {"cpu"}), network("c", 1, {"auto"})},
       {{"n0", 2}, {"n0", 2}, {"n0", 2}},
       "0.0 cuda:0 1\n1.0 cpu 1\n2.0 cuda:1 1\n"},
      {"more ranks than GPUs",
       {network("a", 3, {"auto"})},
       {{"n0", 2}, {"n0", 2}, {"n0", 2}},
       "0.0 cuda:0 1\n0.1 cuda:1 1\n0.2 cuda:0 1 auto: shares its GPU (2 GPUs on this node)\n"},
      {"a list, one entry a rank",
       {network("a", 3, {"cuda:1", "cpu", "cuda"})},
       {{"n0", 2}, {"n0", 2}, {"n0", 2}},
       "0.0 cuda:1 1\n0.1 cpu 1\n0.2 cuda:0 1\n"},
  };
}

TEST(Placement, FollowsTheTable) {
  for (const GoodCase& c : good_cases()) {
    EXPECT_EQ(described(place_networks(c.networks, c.ranks)), c.expected) << c.name;
  }
}

struct BadCase {
  std::vector<NetworkSpec> networks;
  std::vector<MlRank> ranks;
  std::vector<std::string> expected;  // parts of the message
};

std::vector<BadCase> bad_cases() {
  return {
      {{network("a", 2, {"cpu"}), network("b", 1, {"cpu"})},
       {{"n0", 0}},
       {"asks for 3 ML ranks (a: 2, b: 1)", "there is 1 `ekman serve` rank;", "-n 3 ekman serve"}},
      {{network("a", 1, {"cpu"})},
       {{"n0", 0}, {"n0", 0}},
       {"asks for 1 ML rank (a: 1)", "there are 2 `ekman serve` ranks"}},
      {{network("a", 2, {"cuda"})}, {{"n0", 1}, {"n7", 0}}, {"network \"a\", ML rank 1", "node \"n7\" has no GPU"}},
      {{network("a", 1, {"cuda:2"})}, {{"n3", 2}}, {"ML rank 0", "cuda:2", "node \"n3\" has 2 GPUs"}},
      {{network("a", 1, {"cuda:x"})}, {{"n3", 2}}, {"\"cuda:x\"", "cpu, cuda, cuda:N or auto"}},
      {{network("a", 1, {"tpu"})}, {{"n3", 2}}, {"\"tpu\""}},
      {{network("a", 3, {"cpu", "cpu"})}, {{"n0", 0}, {"n0", 0}, {"n0", 0}}, {"2 devices for 3 ranks"}},
      {{network("a", 0, {"cpu"})}, {}, {"ranks is 0"}},
  };
}

TEST(Placement, NamesWhatIsWrongAndTheCure) {
  for (const BadCase& c : bad_cases()) {
    try {
      place_networks(c.networks, c.ranks);
      ADD_FAILURE() << "no error for " << c.expected.front();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::plan);
      for (const std::string& part : c.expected) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " not in: " << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace ekman
