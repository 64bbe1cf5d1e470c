// Definitions of one rank against the plan and against rank 0.
#include "coupler/session/definitions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coupler/session/point_check.hpp"
#include "coupler/session/undefined_outputs.hpp"

namespace ekman {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Plan plan_of_one_network() {
  NetworkSpec network;
  network.name = "net";
  network.component = "air";
  network.inputs = {{{"t", "q"}, Combine::concat}};
  network.outputs = {{{"heating"}, Combine::concat}};
  Plan plan;
  plan.components = {{"air", 0, -1, {}}, {"sea", 0, -1, {}}};
  plan.networks = {network};
  return plan;
}

const Definitions k_right{{"t", {5, "K", ""}}, {"q", {5, "", ""}}, {"heating", {5, "K s-1", ""}}};

TEST(Definitions, AreSilentWhenAllAgree) {
  EXPECT_THAT(definition_problems(plan_of_one_network(), "air", k_right, k_right), IsEmpty());
  EXPECT_THAT(definition_problems(plan_of_one_network(), "sea", {}, {}), IsEmpty());
}

TEST(Definitions, NameEveryDisagreementWithRank0) {
  Definitions mine = k_right;
  mine["t"].levels = 4;
  mine["heating"].units = "K day-1";

  EXPECT_THAT(definition_problems(plan_of_one_network(), "air", mine, k_right),
              ElementsAre(HasSubstr("\"t\" has 4 levels, on rank 0 it has 5"),
                          HasSubstr("\"heating\" is in \"K day-1\", on rank 0 in \"K s-1\"")));
}

TEST(Definitions, AreComparedWithTheFieldsOfThePlan) {
  Plan plan = plan_of_one_network();
  plan.components[0].fields = {{"t", {60, "degC"}}, {"q", {5, ""}}, {"heatin", {0, ""}}};

  EXPECT_THAT(definition_problems(plan, "air", k_right, k_right),
              ElementsAre(HasSubstr("\"heatin\" under its `fields`, which is not defined; did you mean \"heating\"?"),
                          HasSubstr("\"t\" is defined with 5 levels, the plan says 60"),
                          HasSubstr("\"t\" is defined in \"K\", the plan says \"degC\"")));
}

TEST(Points, AreCountedInTheUnnamedSetOrTheOnlyOne) {
  Plan plan = plan_of_one_network();
  plan.components[0].points = 10;

  EXPECT_THAT(total_problems(plan, "air", k_right, {{"", 10}}), IsEmpty());
  EXPECT_THAT(total_problems(plan, "air", k_right, {{"", 10}, {"land", 3}}), IsEmpty());
  EXPECT_THAT(total_problems(plan, "air", {}, {{"columns", 10}}), IsEmpty());
  EXPECT_THAT(total_problems(plan, "air", k_right, {{"", 9}}),
              ElementsAre(HasSubstr("there are 9 points on all ranks together, the plan says points: 10")));
  EXPECT_THAT(total_problems(plan, "air", {}, {{"columns", 10}, {"land", 3}}),
              ElementsAre(HasSubstr("all 2 sets have one")));
}

TEST(Points, FillWholeGrids) {
  Plan plan = plan_of_one_network();
  NetworkSpec& network = plan.networks[0];
  network.sample = Sample::grid;
  network.grid_ny = 3;
  network.grid_nx = 4;

  EXPECT_THAT(total_problems(plan, "air", k_right, {{"", 24}}), IsEmpty());
  EXPECT_THAT(
      total_problems(plan, "air", k_right, {{"", 25}}),
      ElementsAre(HasSubstr("takes grids of 3 x 4 points, but there are 25 points, which is no multiple of 12")));
}

TEST(Definitions, NameMissingFieldsWithWhatMayHaveBeenMeant) {
  const Definitions mine{{"t", {5, "K", ""}}, {"q", {5, "", "land"}}, {"heatin", {5, "K s-1", ""}}};

  EXPECT_THAT(definition_problems(plan_of_one_network(), "air", mine, mine),
              ElementsAre(HasSubstr("on point set \"land\", others on \"\""),
                          HasSubstr("wants field \"heating\", which is not defined; did you mean \"heatin\"?")));
}

TEST(Definitions, ComparesAFallbackWithItsField) {
  Plan plan = plan_of_one_network();
  plan.networks[0].guard.given = true;
  plan.networks[0].guard.fields["heating"].fallback = "other";
  Definitions mine = k_right;

  EXPECT_THAT(definition_problems(plan, "air", mine, mine), ElementsAre(HasSubstr("falls back on field \"other\"")));
  mine["other"] = {1, "K s-1", ""};
  EXPECT_THAT(definition_problems(plan, "air", mine, mine), ElementsAre(HasSubstr("define both alike")));
  mine["other"].levels = 5;
  EXPECT_THAT(definition_problems(plan, "air", mine, mine), IsEmpty());
  EXPECT_THAT(unused_fields(plan, "air", mine), IsEmpty());
}

Plan plan_that_learns() {
  Plan plan = plan_of_one_network();
  TrainingSpec& training = plan.networks[0].training;
  training.given = true;
  training.targets = {{"heating", "heating_true"}};
  training.weights = "area";
  training.loss.resize(1);
  training.loss[0].fields = {"heating"};
  return plan;
}

TEST(Definitions, AreSilentAboutATruthThatFits) {
  Definitions mine = k_right;
  mine["heating_true"] = {5, "K s-1", ""};
  mine["area"] = {1, "m2", ""};

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, mine), IsEmpty());
  EXPECT_THAT(unused_fields(plan_that_learns(), "air", mine), IsEmpty());
}

TEST(Definitions, CompareTheTruthWithWhatItIsTheTruthOf) {
  const Plan plan = plan_that_learns();
  Definitions mine = k_right;

  EXPECT_THAT(definition_problems(plan, "air", mine, mine),
              ElementsAre(HasSubstr("wants field \"heating_true\", which is not defined"),
                          HasSubstr("wants field \"area\", which is not defined")));
  mine["heating_true"] = {4, "K s-1", ""};
  mine["area"] = {5, "m2", "land"};
  EXPECT_THAT(
      definition_problems(plan, "air", mine, mine),
      ElementsAre(HasSubstr("\"area\" of network \"net\" is on point set \"land\", others on \"\""),
                  HasSubstr("\"heating_true\", the target of \"heating\" of network \"net\", has 4 levels; it must "
                            "have 5"),
                  HasSubstr("\"area\", the weights of network \"net\", has 5 levels")));
}

TEST(Definitions, TakeOneLevelForTargetsThatAreClasses) {
  Plan plan = plan_that_learns();
  plan.networks[0].training.loss[0].kind = LossKind::cross_entropy;
  Definitions mine = k_right;
  mine["heating_true"] = {1, "", ""};
  mine["area"] = {1, "m2", ""};

  EXPECT_THAT(definition_problems(plan, "air", mine, mine), IsEmpty());
}

// Without an output that nobody gets.
Definitions definitions_without_outputs() {
  Definitions mine = k_right;
  mine.erase("heating");
  mine["heating_true"] = {7, "K day-1", ""};
  mine["area"] = {1, "m2", ""};
  return mine;
}

TEST(UndefinedOutputs, AreAsTheirTargets) {
  const Definitions mine = definitions_without_outputs();

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, mine), IsEmpty());
  const Definitions all = completed(plan_that_learns(), "air", mine);
  ASSERT_EQ(all.count("heating"), 1U);
  EXPECT_EQ(all.at("heating").levels, 7);
  EXPECT_EQ(all.at("heating").units, "K day-1");
  EXPECT_THAT(undefined_output_lines(plan_that_learns(), "air", mine),
              ElementsAre(HasSubstr("network \"net\": nobody gets heating, which component \"air\" does not define")));
  EXPECT_THAT(undefined_output_lines(plan_that_learns(), "air", all), IsEmpty());
}

TEST(UndefinedOutputs, AreOnThePointsOfTheInputs) {
  Definitions mine = definitions_without_outputs();
  for (auto& [name, definition] : mine) definition.points = name == "area" ? "land" : "columns";

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, mine),
              ElementsAre(HasSubstr("\"area\" of network \"net\" is on point set \"land\", others on \"columns\"")));
}

TEST(UndefinedOutputs, NeedTheirTargets) {
  Definitions mine = definitions_without_outputs();
  mine.erase("heating_true");

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, mine),
              ElementsAre(HasSubstr("wants field \"heating_true\", which is not defined")));
}

TEST(UndefinedOutputs, AreForNetworksThatLearnFromTargets) {
  Plan plan = plan_that_learns();
  Definitions mine = definitions_without_outputs();
  plan.networks[0].training.targets.clear();
  plan.networks[0].training.weights.clear();
  plan.networks[0].training.loss.clear();
  plan.networks[0].tape = 1;

  EXPECT_THAT(definition_problems(plan, "air", mine, mine),
              ElementsAre(HasSubstr("wants field \"heating\", which is not defined")));
}

TEST(UndefinedOutputs, OfSeveralNeedATargetEach) {
  Plan plan = plan_that_learns();
  plan.networks[0].outputs = {{{"heating", "moistening"}, Combine::concat}};
  const Definitions mine = definitions_without_outputs();

  EXPECT_THAT(definition_problems(plan, "air", mine, mine),
              ElementsAre(AllOf(HasSubstr("wants field \"moistening\", which is not defined"),
                                HasSubstr("take it out of the plan"))));
}

TEST(UndefinedOutputs, MayNotBeInputsOfOthers) {
  Plan plan = plan_that_learns();
  plan.networks.push_back(plan_of_one_network().networks[0]);
  plan.networks[1].name = "other";
  plan.networks[1].inputs = {{{"heating"}, Combine::concat}};
  plan.networks[1].outputs = {{{"t"}, Combine::concat}};
  const Definitions mine = definitions_without_outputs();

  EXPECT_THAT(definition_problems(plan, "air", mine, mine),
              Contains(HasSubstr("network \"other\" wants field \"heating\", which is not defined")));
}

TEST(UndefinedOutputs, OfClassesTakeTheirLevelsFromThePlan) {
  Plan plan = plan_that_learns();
  Definitions mine = definitions_without_outputs();
  mine["heating_true"] = {1, "", ""};

  for (const LossKind kind : {LossKind::cross_entropy, LossKind::nll, LossKind::method}) {
    LossTerm& term = plan.networks[0].training.loss[0];
    term.kind = kind;
    if (is_users_own(kind)) term.fields.clear();
    plan.components[0].fields.clear();
    EXPECT_THAT(definition_problems(plan, "air", mine, mine),
                ElementsAre(HasSubstr("\"heating\", which is not defined (defined: "
                                      "\"area\", \"heating_true\", \"q\", \"t\"); define it with def_field, or give "
                                      "its levels in the plan (components.air.fields.heating.levels)")));
    plan.components[0].fields = {{"heating", {10, "K s-1"}}};
    EXPECT_THAT(definition_problems(plan, "air", mine, mine), IsEmpty());
    EXPECT_EQ(completed(plan, "air", mine).at("heating").levels, 10);
    EXPECT_EQ(completed(plan, "air", mine).at("heating").units, "K s-1");
  }
}

TEST(UndefinedOutputs, OfThePlanMustFitTheirTargets) {
  Plan plan = plan_that_learns();
  plan.components[0].fields = {{"heating", {10, ""}}};
  const Definitions mine = definitions_without_outputs();

  EXPECT_THAT(definition_problems(plan, "air", mine, mine),
              ElementsAre(HasSubstr("\"heating_true\", the target of \"heating\" of network \"net\", has 7 levels; it "
                                    "must have 10")));
}

TEST(UndefinedOutputs, AreUndefinedOnAllRanks) {
  const Definitions mine = definitions_without_outputs();
  Definitions other = mine;
  other["heating"] = {7, "K day-1", ""};

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, other),
              ElementsAre(HasSubstr("\"heating\" is not defined, on rank 0 it is defined; define it on all ranks")));
  EXPECT_THAT(definition_problems(plan_that_learns(), "air", other, mine),
              ElementsAre(HasSubstr("\"heating\" is defined, on rank 0 it is not; define it on all ranks")));
}

TEST(UndefinedOutputs, LeaveAMisspeltFieldUnused) {
  Definitions mine = definitions_without_outputs();
  mine["heatig"] = {7, "K day-1", ""};

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, mine), IsEmpty());
  EXPECT_THAT(unused_fields(plan_that_learns(), "air", mine), ElementsAre("heatig"));
}

TEST(UndefinedOutputs, NeedNoFallback) {
  Plan plan = plan_that_learns();
  plan.networks[0].guard.given = true;
  plan.networks[0].guard.fields["heating"].fallback = "other";
  Definitions mine = definitions_without_outputs();

  EXPECT_THAT(definition_problems(plan, "air", mine, mine), IsEmpty());
  mine["other"] = {7, "K day-1", ""};
  EXPECT_THAT(unused_fields(plan, "air", mine), ElementsAre("other"));
}

TEST(Definitions, CompareTheTruthWithRank0) {
  Definitions mine = k_right;
  mine["heating_true"] = {5, "K s-1", ""};
  mine["area"] = {1, "m2", ""};
  Definitions of_rank_0 = mine;
  of_rank_0["area"].units = "km2";

  EXPECT_THAT(definition_problems(plan_that_learns(), "air", mine, of_rank_0),
              ElementsAre(HasSubstr("\"area\" is in \"m2\", on rank 0 in \"km2\"")));
}

TEST(Definitions, TellWhatNoNetworkUses) {
  Definitions mine = k_right;
  mine["extra"] = {1, "", ""};

  EXPECT_THAT(unused_fields(plan_of_one_network(), "air", mine), ElementsAre("extra"));
}

TEST(RankList, JoinsNeighbours) {
  EXPECT_EQ(rank_list({3}), "rank 3");
  EXPECT_EQ(rank_list({5, 0, 1, 2}), "ranks 0-2, 5");
  EXPECT_EQ(rank_list({1, 2}), "ranks 1-2");
}

}  // namespace
}  // namespace ekman
