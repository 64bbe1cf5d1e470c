// What `ekman mimic` makes of a plan and of its options, before any rank runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/command/mimic_script.hpp"
#include "ekman/error.hpp"
#include "message_of.hpp"

namespace ekman {
namespace {

// "+a" for a put, "-a" for a get, in their order.
std::string calls_of(const MimicScript& script) {
  std::string text;
  for (const MimicCall& call : script.calls)
    text += std::string(text.empty() ? "" : " ") + (call.is_put ? "+" : "-") + script.fields[call.field].name;
  return text;
}

const MimicField& field_of(const MimicScript& script, const std::string& name) {
  return *std::find_if(script.fields.begin(), script.fields.end(), [&](const auto& one) { return one.name == name; });
}

Plan plan_of(const std::string& networks, const std::string& component = "points: 8") {
  return parse_plan("ekman: 1\ncomponents: {a: {" + component + "}}\nnetworks:\n" + networks, "plan.yaml");
}

std::string network(const std::string& name, const std::string& in, const std::string& out,
                    const std::string& more = "") {
  return "  " + name + ": {component: a, network: {echo: {}}, inputs: [{fields: [" + in + "]}], outputs: [{fields: [" +
         out + "]}]" + more + "}\n";
}

TEST(MimicScript, FetchesAnOutputBeforeItIsPutForTheNextNetwork) {
  const Plan plan = plan_of(network("second", "y, x", "z") + network("first", "x", "y"));

  EXPECT_EQ(calls_of(mimic_script(plan, "a", {})), "+x -y +y -z");
}

TEST(MimicScript, FetchesBeforePutsOnlyWithALag) {
  EXPECT_EQ(calls_of(mimic_script(plan_of(network("one", "x", "y") + network("two", "y", "x", ", lag: 1")), "a", {})),
            "-x +x -y +y");
}

TEST(MimicScript, PutsWhatItGotInTheStepBeforeWhereNetworksFeedEachOther) {
  EXPECT_EQ(calls_of(mimic_script(plan_of(network("one", "x", "y") + network("two", "y", "x")), "a", {})),
            "+x -y +y -x");
}

TEST(MimicScript, PutsFallbacksBeforeTheOutputsThatTheyReplace) {
  const std::string guard = ", guard: {y: {min: 0, on_violation: fallback, fallback: plain}}";

  const MimicScript script =
      mimic_script(plan_of(network("one", "x", "y", guard), "points: 8, fields: {y: {levels: 4}}"), "a", {});

  EXPECT_EQ(calls_of(script), "+x +plain -y");
  EXPECT_EQ(field_of(script, "plain").levels, 4);
}

TEST(MimicScript, DrawsClassesAndWeightsAsTheLossTakesThem) {
  const Plan plan = plan_of(
      "  n:\n    component: a\n    network: {builtin: mlp, hidden: [4]}\n    inputs: [{fields: [x]}]\n"
      "    outputs: [{fields: [k, y]}]\n    normalize: {y: {mean: 5, std: 2}}\n    training:\n"
      "      targets: {k: k_true, y: y_true}\n      weights: w\n      optimizer: {sgd: {lr: 0.1}}\n"
      "      loss: [{cross_entropy: {fields: [k]}}, {mse: {fields: [y]}}]\n");
  PlayOptions options;
  options.levels = {{"k", 7}, {"y", 3}};

  const MimicScript script = mimic_script(plan, "a", options);

  EXPECT_EQ(field_of(script, "k_true").classes, 7);
  EXPECT_EQ(field_of(script, "k_true").levels, 1);
  EXPECT_EQ(field_of(script, "y_true").levels, 3);
  EXPECT_EQ(field_of(script, "y_true").mean, (std::vector<double>{5.0}));
  EXPECT_EQ(field_of(script, "w").draw, Draw::weight);
  EXPECT_EQ(script.without_levels, (std::vector<std::string>{"x"}));
  EXPECT_TRUE(script.learns);
}

TEST(MimicOptions, AreForAllOrForNames) {
  const Plan plan = plan_of(network("one", "x", "y"), "");
  MimicOptions options;
  options.points = "5,a=9";
  options.levels = "2,x=3";
  options.step_time = "a=250us";
  options.point_time = "PT1.5S";

  const PlayOptions play = play_options(options, plan, "a");

  EXPECT_EQ(play.points, 9);
  EXPECT_EQ(play.default_levels, 2);
  EXPECT_EQ(play.levels.at("x"), 3);
  EXPECT_DOUBLE_EQ(play.step_seconds, 250e-6);
  EXPECT_DOUBLE_EQ(play.point_seconds, 1.5);
}

TEST(MimicOptions, TimesHaveAUnit) {
  EXPECT_DOUBLE_EQ(parse_seconds("0s", "--step-time"), 0.0);
  EXPECT_DOUBLE_EQ(parse_seconds("1e3ns", "--step-time"), 1e-6);
  EXPECT_DOUBLE_EQ(parse_seconds("2min", "--step-time"), 120.0);
  for (const char* wrong : {"", "5", "ms", "-1ms", "5 ms", "5msec", "nan s", "1e999s"})
    EXPECT_THROW(parse_seconds(wrong, "--step-time"), Error) << wrong;
}

TEST(MimicOptions, SayWhatIsWrongAndWhatToDo) {
  const Plan plan = plan_of(network("one", "x", "y"), "points: 8, fields: {x: {levels: 3}}");
  const auto told = [&](const std::function<void(MimicOptions&)>& change) {
    return message_of([&] {
      MimicOptions options;
      change(options);
      mimic_script(plan, "a", play_options(options, plan, "a"));
    });
  };

  EXPECT_EQ(told([](MimicOptions&) {}), "no error");
  EXPECT_EQ(told([](MimicOptions& o) { o.points = "100"; }),
            "--points says 100 for component \"a\", the plan says 8; leave --points out, or change the plan");
  EXPECT_EQ(told([](MimicOptions& o) { o.points = "many"; }),
            "--points must be a whole number from 1 to 1000000000000; found \"many\"");
  EXPECT_EQ(told([](MimicOptions& o) { o.points = "ocean=7"; }),
            "--points: the plan has no component \"ocean\"; name one of: a");
  EXPECT_EQ(told([](MimicOptions& o) { o.levels = "x=4"; }),
            "--levels says 4 for field \"x\", the plan says 3; leave it out of --levels, or change the plan");
  EXPECT_EQ(told([](MimicOptions& o) { o.levels = "zebra=0"; }),
            "--levels: the plan has no field \"zebra\"; name one of: x, y");
  EXPECT_EQ(told([](MimicOptions& o) { o.step_time = "1ms,2ms"; }),
            "--step-time 1ms,2ms has two values for all; give it one");
  EXPECT_EQ(told([](MimicOptions& o) { o.step_time = "a="; }),
            "--step-time a= has an empty value; give it a value for each name");
  EXPECT_EQ(told([](MimicOptions& o) { o.point_time = "5"; }),
            "--point-time must be a time such as 5ms, 0.8s, 200us or PT1M, of at least 0; found \"5\"");
}

TEST(MimicOptions, RanksAreThoseOfTheJob) {
  const Plan plan = plan_of(network("one", "x", "y"));
  const auto told = [&](const char* text, int size) { return message_of([&] { parse_ranks(text, plan, size); }); };

  EXPECT_EQ(told("a=3", 3), "no error");
  EXPECT_EQ(told("2", 2), "--ranks must be ranks of components, as in atmosphere=6,ocean=2; found \"2\"");
  EXPECT_EQ(told("a=1,a=1", 2), "--ranks a=1,a=1 names component \"a\" twice; give it all its ranks at once");
  EXPECT_EQ(told("a=none", 2), "--ranks of \"a\" must be a whole number from 1 to 1000000000; found \"none\"");
  EXPECT_EQ(told("ocean=2", 2), "--ranks: the plan has no component \"ocean\"; name one of: a");
  EXPECT_EQ(told("a=2000000000,b=1", 2),
            "--ranks of \"a\" must be a whole number from 1 to 1000000000; found \"2000000000\"");
}

}  // namespace
}  // namespace ekman
