// Definitions of one rank against the plan and against rank 0.
#include "coupler/session/definitions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coupler/session/point_check.hpp"

namespace ekman {
namespace {

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
