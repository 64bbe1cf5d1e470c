// The resolved plan, and warnings and hints about plans.
#include "adapters/yaml/plan_to_yaml.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "adapters/yaml/check_keys.hpp"
#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;

// Every key that may be given, each away from its default.
const std::string k_maximal = R"(
ekman: 1
calendar: {start: 2000-02-29T06:30:00, kind: proleptic-gregorian}
components:
  atmosphere:
    timestep: P1DT2H3M4.5S
    points: 96
    fields: {t: {levels: 5, units: K}, q: {units: kg kg-1}, s: {levels: 1}}
networks:
  n:
    component: atmosphere
    ranks: 2
    device: [cpu, "cuda:1"]
    threads: 3
    network: {torchscript: a/n.pt, sha256: 00ff}
    sample: {grid: {shape: [3, 4]}}
    chunk: 2
    tile: 1
    coupling_period: P2DT4H6M9S
    time_reduction: average
    lag: 1
    wire: float64
    compute: float64
    transport: point_to_point
    cuda_graph: on
    inputs: [{fields: [t, q], combine: stack}, {fields: [s]}]
    outputs: [{fields: [dt], combine: stack}]
    normalize: {t: {mean: 250.5, std: 1.0e-7}, q: {from: moments.h5}}
    guard:
      dt: {min: -1.0, max: 0.1, on_violation: clip, fallback: dt_scheme}
      nonfinite: fallback
  m:
    component: atmosphere
    network: {builtin: mlp, hidden: [8, 16], activation: tanh, seed: 4}
    inputs: [{fields: ["a: b"]}]
    outputs: [{fields: [y]}]
  r:
    component: atmosphere
    network: {builtin: resmlp, width: 8, blocks: 3}
    inputs: [{fields: [t]}]
    outputs: [{fields: [y1]}]
  u:
    component: atmosphere
    network: {builtin: unet, width: 4, depth: 1, padding: {x: periodic}, activation: silu}
    sample: {grid: {shape: [6, 8]}}
    inputs: [{fields: [t]}]
    outputs: [{fields: [y2]}]
  f:
    component: atmosphere
    network: {builtin: fno, modes: [3, +2], layers: 1}
    sample: {grid: {shape: [6, 8]}}
    inputs: [{fields: [t]}]
    outputs: [{fields: [y3]}]
  w:
    component: atmosphere
    network: {builtin: sleep, seconds_per_forward: 1.0e-3, seconds_per_point: +2.5e-6, busy: on}
    inputs: [{fields: [t]}]
    outputs: [{fields: [y5]}]
  o:
    component: atmosphere
    network: {own: mine, library: a/libmine.so, seed: 9, arguments: {width: 4, sizes: [1, 2.5e0], "a.b": "on: [", one: [7]}}
    inputs: [{fields: [t]}]
    outputs: [{fields: [y4]}]
  e:
    component: atmosphere
    network: {echo: {}}
    inputs: [{fields: [t]}]
    outputs: [{fields: [t2]}]
  c:
    component: atmosphere
    network: {checkpoint: run/best.ckpt, library: b/libmine.so}
    tape: 3
    reproducible: bfb
    inputs: [{fields: [t]}]
    outputs: [{fields: [t3]}]
output:
  directory: run/here
  record: {fields: [t, dt], every: 3, file: kept.h5, max_bytes: 1000000, records_per_file: 17}
  profile: on
resume: 2000-06-01
timeout: PT1M
timeout_physics: PT1H
)";

TEST(PlanToYaml, ReadsBackAsTheSamePlan) {
  std::vector<std::string> texts{k_maximal};
  for (const auto& entry : fs::directory_iterator(fs::path(EKMAN_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  ASSERT_GT(texts.size(), 5u);

  for (const std::string& text : texts) {
    Plan plan = parse_plan(text, "/folder/plan.yaml");
    const std::string resolved = plan_to_yaml(plan, {{"node", {"a: 1", "b"}}, {"version", {"1"}}});

    EXPECT_EQ(serialise(parse_plan(resolved, "/folder/plan.yaml")), serialise(plan)) << resolved;
  }
}

TEST(PlanToYaml, WritesEveryKeyThatHasAValue) {
  const std::string resolved = plan_to_yaml(parse_plan(k_maximal, "/folder/plan.yaml"));

  for (const Key& key : key_table()) {
    const bool has_value = key.status == Status::supported || !key.fallback.empty();
    if (!has_value || key.path.find("training") != std::string::npos || key.name() == "*") continue;
    if (key.name() == "artifact") continue;  // a directory, see artifact_test
    EXPECT_NE(resolved.find(key.name() + ":"), std::string::npos) << key.path << " is not in\n" << resolved;
  }
  EXPECT_NE(resolved.find("torchscript: /folder/a/n.pt"), std::string::npos) << resolved;
  EXPECT_NE(resolved.find("library: /folder/a/libmine.so"), std::string::npos) << resolved;
  EXPECT_NE(resolved.find("checkpoint: /folder/run/best.ckpt"), std::string::npos) << resolved;
}

TEST(PlanToYaml, NamesFilesSoThatItCanBeKeptAnywhere) {
  const std::string resolved = plan_to_yaml(parse_plan(k_maximal, "plan.yaml"));

  for (const char* key : {"torchscript: ", "checkpoint: ", "library: ", "from: "}) {
    EXPECT_NE(resolved.find(std::string(key) + "/"), std::string::npos) << key << " is no whole path in\n" << resolved;
  }
}

TEST(PlanToYaml, WritesDurationsThatReadBack) {
  for (const char* text : {"PT10M", "P1D", "PT0.5S", "P1DT6H", "PT1H1M1.25S", "PT0.000001S", "P30D"}) {
    EXPECT_EQ(duration_text(*parse_duration(text)), text);
  }
}

TEST(Diagnostics, TellWarningsAndHintsApart) {
  const PlanReading reading = examine_text(R"(ekman: 1
components:
  atmosphere: {points: 1000, fields: {temperatur: {levels: 3}}}
  ocean: {}
networks:
  n:
    component: atmosphere
    ranks: 2
    network: {echo: {}}
    inputs: [{fields: [temperature]}]
    outputs: [{fields: [heating]}]
    guard: {heating: {on_violation: abort}}
)",
                                           "plan.yaml");

  EXPECT_EQ(reading.diagnostics.count(Severity::error), 0u);
  const std::vector<std::string> lines = reading.diagnostics.lines(Severity::hint);
  ASSERT_EQ(lines.size(), 5u) << ::testing::PrintToString(lines);
  EXPECT_EQ(lines[0].find("plan.yaml:3:38: hint: without the levels of temperature, heating"), 0u) << lines[0];
  EXPECT_EQ(lines[1],
            "plan.yaml:3:51: warning: no network uses field \"temperatur\" of component \"atmosphere\"; did you mean "
            "\"temperature\"?");
  EXPECT_EQ(lines[2],
            "plan.yaml:4:10: warning: no network uses component \"ocean\"; take it out, or name it in a network");
  EXPECT_EQ(lines[3],
            "plan.yaml:8:12: hint: 1 of 2 ML ranks are idle: 1000 samples make 1 chunk of 1024; chunk: 256 gives work "
            "to all, "
            "ranks: 1 wastes none");
  EXPECT_EQ(lines[4],
            "plan.yaml:12:22: warning: the guard of \"heating\" has neither min nor max, so it checks "
            "nothing; give it one");
  EXPECT_EQ(reading.diagnostics.lines(Severity::warning).size(), 3u);
}

}  // namespace
}  // namespace ekman
