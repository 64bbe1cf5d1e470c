// Implements graph.hpp.
#include "coupler/command/graph.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "coupler/command/plan_words.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

extern char** environ;

namespace ekman {

namespace {

// Text for the HTML-like labels of Graphviz.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

// A name of a node: quoted, unambiguous for any name of the plan.
std::string node(const std::string& kind, const std::string& name) {
  std::string result;
  for (const char c : kind + " " + name) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return "\"" + result + "\"";
}

std::string row(const std::string& text, const char* style = "") {
  return fmt::format("<tr><td align=\"left\"{}>{}</td></tr>", style, escaped(text));
}

std::string field_node(const ComponentSpec& component, const std::string& name) {
  const auto found = component.fields.find(name);
  std::string label = "<b>" + escaped(name) + "</b>";
  if (found != component.fields.end()) {
    const FieldSpec& field = found->second;
    if (field.levels > 0) label += fmt::format("<br/>{} level{}", field.levels, field.levels == 1 ? "" : "s");
    if (!field.units.empty()) label += (field.levels > 0 ? ", " : "<br/>") + escaped(field.units);
  }
  return fmt::format("    {} [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", label=<{}>];\n",
                     node("field", component.name + "." + name), label);
}

void draw_component(const Plan& plan, const ComponentSpec& component, std::string& dot) {
  std::vector<std::string> names = used_fields(plan, component.name);
  for (const auto& entry : component.fields)
    if (std::find(names.begin(), names.end(), entry.first) == names.end()) names.push_back(entry.first);
  dot += fmt::format(
      "  subgraph {} {{\n    label=<<b>component {}</b>{}>;\n    style=\"rounded,filled\"; "
      "color=\"#4a6b8a\"; fillcolor=\"#e8f0f7\";\n",
      node("cluster component", component.name), escaped(component.name), escaped(component_words(component)));
  for (const std::string& name : names) dot += field_node(component, name);
  dot += "  }\n";
}

void draw_network(const Plan& plan, const NetworkSpec& network, int first_rank, std::string& dot) {
  std::string rows = row("network " + network.name, " bgcolor=\"#f2c48d\"");
  rows += row(source_words(network.source));
  rows += row(exchange_words(plan, network));
  rows += row(chunk_words(sizes_of(plan, network), network));
  if (network.training.given) rows += row("learns: " + learning_words(network), " bgcolor=\"#dcebd2\"");
  if (network.training.given || network.tape > 0) rows += row("loss: " + loss_words(network), " bgcolor=\"#dcebd2\"");
  if (network.is_inline()) {
    rows += row(fmt::format("in each rank of component {}: {}, {} thread{}", network.component,
                            network.devices.front() == "auto" ? "cpu" : network.devices.front(), network.threads,
                            network.threads == 1 ? "" : "s"),
                " bgcolor=\"#fff7ec\"");
  }
  for (int rank = 0; rank < network.ranks; ++rank) {
    const std::string& device = network.devices.size() == 1 ? network.devices.front() : network.devices[rank];
    rows += row(fmt::format("ML rank {}: {}, {} thread{}", first_rank + rank, device, network.threads,
                            network.threads == 1 ? "" : "s"),
                " bgcolor=\"#fff7ec\"");
    constexpr int k_most_drawn = 8;
    if (rank + 1 == k_most_drawn && network.ranks > k_most_drawn + 1) {
      rows += row(fmt::format("... {} more", network.ranks - k_most_drawn));
      break;
    }
  }
  dot += fmt::format(
      "  {} [shape=plain, label=<<table border=\"1\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"4\" "
      "color=\"#a06a2c\" bgcolor=\"#fdebd3\">{}</table>>];\n",
      node("network", network.name), rows);
}

void draw_edges(const NetworkSpec& network, std::string& dot) {
  const std::string centre = node("network", network.name);
  const auto field = [&](const std::string& name) { return node("field", network.component + "." + name); };
  for (const std::string& name : fields_of(network.inputs))
    dot += fmt::format("  {} -> {} [color=\"#4a6b8a\"];\n", field(name), centre);
  for (const std::string& name : fields_of(network.outputs))
    dot += fmt::format("  {} -> {} [color=\"#a06a2c\", penwidth=1.6];\n", centre, field(name));
  for (const std::string& name : truth_fields_of(network))
    dot += fmt::format("  {} -> {} [color=\"#5c8a3a\", style=dashed, fontsize=10, label=\"truth\"];\n", field(name),
                       centre);
  for (const auto& [name, guard] : network.guard.fields)
    if (!guard.fallback.empty())
      dot += fmt::format(
          "  {} -> {} [style=dashed, color=\"#888888\", fontsize=10, label=\"falls back\", "
          "constraint=false];\n",
          field(guard.fallback), field(name));
}

}  // namespace

std::string plan_as_dot(const Plan& plan) {
  std::string dot =
      "digraph plan {\n  rankdir=LR; compound=true; nodesep=0.15; ranksep=0.9;\n"
      "  node [fontname=\"Helvetica\", fontsize=11]; edge [fontname=\"Helvetica\"]; graph "
      "[fontname=\"Helvetica\"];\n";
  for (const ComponentSpec& component : plan.components) draw_component(plan, component, dot);
  int first_rank = 0;
  for (const NetworkSpec& network : plan.networks) {
    draw_network(plan, network, first_rank, dot);
    first_rank += network.ranks;
  }
  for (const NetworkSpec& network : plan.networks) draw_edges(network, dot);
  return dot + "}\n";
}

void print_svg(const std::string& dot) {
  const auto fail = [](const std::string& why) {
    throw Error(ErrorCode::usage,
                fmt::format("Graphviz's `dot` {}; install graphviz, or take --dot and draw it elsewhere", why));
  };
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) fail("cannot be given a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[0], STDIN_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[1]);
  std::string program = "dot", format = "-Tsvg";
  char* arguments[] = {program.data(), format.data(), nullptr};
  pid_t child = 0;
  const int code = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[0]);
  std::signal(SIGPIPE, SIG_IGN);
  std::size_t written = 0;
  while (code == 0 && written < dot.size()) {
    const ssize_t count = write(pipe_ends[1], dot.data() + written, dot.size() - written);
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  close(pipe_ends[1]);
  if (code != 0) fail("cannot be started");
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("failed");
}

}  // namespace ekman
