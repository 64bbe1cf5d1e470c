// What plans say of recordings, and of networks that run nothing.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapters/yaml/plan_from_yaml.hpp"

namespace ekman {
namespace {

const std::string k_minimal =
    "ekman: 1\ncomponents: {atmosphere: {}}\nnetworks:\n  n:\n    component: atmosphere\n    network: {echo: {}}\n"
    "    inputs: [{fields: [t, u]}]\n    outputs: [{fields: [q], combine: stack}]\n";

TEST(PlanFromYaml, RecordsAllFieldsOfEveryNetworkUnlessToldWhich) {
  const Plan all = parse_plan(k_minimal + "output: {record: {}}\n", "plan.yaml");
  const Plan some = parse_plan(k_minimal + "output: {record: {fields: [q, t], every: 2}}\n", "plan.yaml");
  const Plan none = parse_plan(k_minimal, "plan.yaml");

  EXPECT_EQ(recorded_fields_of(all, all.networks[0]), (std::vector<std::string>{"t", "u", "q"}));
  EXPECT_EQ(recorded_fields_of(some, some.networks[0]), (std::vector<std::string>{"t", "q"}));
  EXPECT_EQ(recorded_fields_of(none, none.networks[0]), std::vector<std::string>{});
  EXPECT_EQ(all.record.file, "recording.h5");
  EXPECT_EQ(some.record.every, 2);
}

TEST(PlanFromYaml, LetsANetworkBeNoneWhereItsInputsAreRecorded) {
  const std::string text =
      "ekman: 1\ncomponents: {atmosphere: {}}\nnetworks:\n  n:\n    component: atmosphere\n    network: none\n"
      "    inputs: [{fields: [t, u]}]\noutput: {record: {}}\n";

  const Plan plan = parse_plan(text, "plan.yaml");

  EXPECT_EQ(plan.networks[0].source.kind, SourceKind::none);
  EXPECT_TRUE(plan.networks[0].outputs.empty());
}

}  // namespace
}  // namespace ekman
