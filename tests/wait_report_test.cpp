// Who waits for whom: from the records of a node to the text of a report.
#include "coupler/session/wait_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "coupler/base/node_clock.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t k_second = 1000;

// Component "air" with networks "rain" (t, s -> dt), which couples every third step, and "wind" (u -> du).
Plan make_plan() {
  NetworkSpec rain, wind;
  rain.name = "rain";
  rain.component = wind.component = "air";
  rain.ranks = 2;
  rain.coupling_period = 3;
  rain.inputs = {{{"t", "s"}, Combine::concat}};
  rain.outputs = {{{"dt"}, Combine::concat}};
  wind.name = "wind";
  wind.inputs = {{{"u"}, Combine::concat}};
  wind.outputs = {{{"du"}, Combine::concat}};
  Plan plan;
  plan.components = {{"air", 1, -1, {}}, {"sea", 1, -1, {}}};
  plan.networks = {rain, wind};
  return plan;
}

// A node with two ranks of "air", one of "sea", and an ML rank of each network: by index 0, 1, 2, 3, 4. All are in
// their own code, ML ranks in a forward, for a second. timeout 10 s, timeout_physics 30 s.
class WaitReport : public testing::Test {
 protected:
  enum Rank { air_0, air_1, sea_0, rain_0, wind_0 };

  WaitReport() : plan_(make_plan()), fields_(plan_) {
    scene_.plan = &plan_;
    scene_.fields = &fields_;
    scene_.node = "n1";
    scene_.stranger = "`ekman serve` (rank 7 of MPI_COMM_WORLD)";
    scene_.timeout = 10 * k_second;
    scene_.timeout_physics = 30 * k_second;
    scene_.now = node_milliseconds();
    scene_.ranks.resize(5);
    const Identity who[] = {{true, false, 0, 0, 0},
                            {true, false, 0, 1, 0},
                            {true, false, 1, 0, 0},
                            {true, true, 0, 0, 0},
                            {true, true, 1, 2, 0}};
    for (int i = 0; i < 5; ++i) {
      at(i).who = who[i];
      at(i).process = {100 + i, 1, 1};
      at(i).step = 4;
      at(i).doing = {who[i].is_ml ? Call::forward : Call::put, who[i].is_ml, who[i].is_ml ? k_no_field : number(0, "t"),
                     ago(1)};
    }
    scene_.elapsed = [this](std::int64_t since) { return scene_.now - since; };
    scene_.process = [this](int i) { return process_.count(i) != 0 ? process_[i] : Scene::Process{}; };
  }

  RankState& at(int i) { return scene_.ranks[static_cast<std::size_t>(i)]; }
  int number(int network, const char* field) const { return fields_.of(network, field); }
  std::int64_t ago(std::int64_t seconds) const { return scene_.now - seconds * k_second; }
  void wait(int i, std::int64_t seconds, Call call, int field = k_no_field, int network = -1, int peer = -1) {
    at(i).doing.since = ago(seconds);
    at(i).wait = {call, field, ago(seconds), network, peer};
  }
  void wait_for_inputs(int i, std::int64_t seconds, std::vector<Late> late) {
    wait(i, seconds, Call::inputs);
    at(i).late_count = static_cast<std::int64_t>(late.size());
    at(i).late = std::move(late);
  }
  std::string report_of(int i) {
    scene_.me = i;
    return judge_wait(scene_);
  }
  void stop(int i, std::int64_t seconds, ProcessState state = ProcessState::stopped) {
    process_[i] = {state, ago(seconds)};
  }

  Plan plan_;
  FieldNumbers fields_;
  Scene scene_;
  std::map<int, Scene::Process> process_;
};

TEST_F(WaitReport, IsSilentWhileNothingIsWaitedFor) {
  for (int i = 0; i < 5; ++i) EXPECT_THAT(report_of(i), IsEmpty());
}

TEST_F(WaitReport, NamesTheExchangeThatALaggedCallWaitsFor) {
  plan_.networks[0].lag = 1;

  wait(air_0, 31, Call::get, number(0, "dt"), 0, 0);
  EXPECT_THAT(report_of(air_0), HasSubstr("waits in get of \"dt\" in step 4 for outputs of the exchange before from ML "
                                          "rank 0 (network \"rain\")"));
  wait(air_0, 31, Call::put, number(0, "t"), 0, 0);
  EXPECT_THAT(report_of(air_0), HasSubstr("is done with its rows of the exchange before the last one"));
}

// The classic deadlock: rank 1 skipped its put and sits in an MPI call of its own.
TEST_F(WaitReport, FollowsAGetToTheRankThatDidNotPut) {
  wait(air_0, 31, Call::get, number(0, "dt"), 0, 0);
  wait_for_inputs(rain_0, 31, {{1, 1}});
  at(rain_0).there_count = 1;
  at(air_1).doing.since = ago(32);
  at(air_1).fields_put = FieldNumbers::bit(number(0, "t"));

  const std::string report = report_of(air_0);

  EXPECT_THAT(report,
              HasSubstr("error: component \"air\", rank 0 has waited too long (timeout: 10 s, timeout_physics: 30 s); "
                        "who waits for whom, seen on node n1:\n"
                        "ekman:   component \"air\", rank 0 waits in get of \"dt\" in step 4 for ML rank 0 (network "
                        "\"rain\"), since "));
  EXPECT_THAT(report,
              HasSubstr("(31.0 s)\nekman:   ML rank 0 (network \"rain\") waits for the inputs \"t\", \"s\" of step 4 "
                        "from component \"air\", rank 1, since "));
  EXPECT_THAT(report, HasSubstr("1 other rank(s) are there\n"
                                "ekman:   component \"air\", rank 1 is in its own code, outside Ekman, since "));
  EXPECT_THAT(report, HasSubstr("(32.0 s), after put of \"t\" in step 4 and has not put \"s\" in step 4\n"));
  EXPECT_THAT(report, HasSubstr("longer timeout_physics"));
}

TEST_F(WaitReport, TellsThatAdjointsAreLate) {
  wait(air_0, 31, Call::get_adjoint, number(0, "t"), 0, 0);
  wait_for_inputs(rain_0, 31, {{1, 4}});
  at(rain_0).late_adjoints = true;
  at(rain_0).there_count = 1;
  at(air_1).doing = {Call::get, false, number(0, "dt"), ago(32)};

  const std::string report = report_of(air_0);

  EXPECT_THAT(report, HasSubstr("rank 0 waits in get_adjoint of \"t\" in step 4 for ML rank 0 (network \"rain\"), "));
  EXPECT_THAT(report,
              HasSubstr("ML rank 0 (network \"rain\") waits for the adjoints of \"dt\" in step 4 from component "
                        "\"air\", rank 1, since "));
  EXPECT_THAT(report, HasSubstr("(32.0 s), after get of \"dt\" in step 4\n")) << "it owes no inputs";
}

TEST_F(WaitReport, OfAnMlRankTellsWhoWaitsForIt) {
  wait(air_0, 31, Call::get, number(0, "dt"), 0, 0);
  wait_for_inputs(rain_0, 31, {{1, 1}});
  at(air_1).doing.since = ago(32);

  const std::string report = report_of(rain_0);

  EXPECT_THAT(report, HasSubstr("error: ML rank 0 (network \"rain\") has waited too long"));
  EXPECT_THAT(report, HasSubstr("component \"air\", rank 0 waits in get of \"dt\""));
  EXPECT_THAT(report, HasSubstr("component \"air\", rank 1 is in its own code"));
}

TEST_F(WaitReport, AllowsPhysicsLongerThanTheTimeout) {
  wait(air_0, 29, Call::get, number(0, "dt"), 0, 0);
  wait_for_inputs(rain_0, 29, {{1, 1}});
  at(air_1).doing.since = ago(29);

  EXPECT_THAT(report_of(air_0), IsEmpty());
  EXPECT_THAT(report_of(rain_0), IsEmpty());
}

// An ML rank waits for many steps between exchanges; each call of the component shows that it goes on.
TEST_F(WaitReport, OfAnMlRankCountsFromTheLastCall) {
  wait_for_inputs(rain_0, 1000, {{0, 1}, {1, 1}});
  at(air_0).doing.since = ago(29);
  at(air_1).doing.since = ago(29);
  EXPECT_THAT(report_of(rain_0), IsEmpty());

  at(air_1).doing.since = ago(30);
  EXPECT_THAT(report_of(rain_0), HasSubstr("rank 1 is in its own code"));
}

// It is at the end from the beginning on.
TEST_F(WaitReport, OfAnMlRankWithoutChunksCountsFromTheLastCall) {
  wait(rain_0, 1000, Call::finalize);
  at(air_1).doing.since = ago(29);
  EXPECT_THAT(report_of(rain_0), IsEmpty());

  at(air_1).doing.since = ago(30);
  EXPECT_THAT(report_of(rain_0), HasSubstr("rank 1 is in its own code"));

  wait(air_0, 1, Call::finalize);
  wait(air_1, 1, Call::finalize);
  wait(wind_0, 1000, Call::finalize);
  EXPECT_THAT(report_of(rain_0), IsEmpty()) << "the ranks that are awaited are out of sight";
}

TEST_F(WaitReport, TellsAStoppedRankAfterTheTimeout) {
  wait(air_0, 11, Call::get, number(0, "dt"), 0, 0);
  wait_for_inputs(rain_0, 11, {{1, 1}});
  at(air_1).doing = {Call::put, true, number(0, "s"), ago(11)};
  stop(air_1, 9);
  EXPECT_THAT(report_of(air_0), IsEmpty());

  stop(air_1, 10);
  const std::string report = report_of(air_0);
  EXPECT_THAT(report,
              HasSubstr("rank 1 is stopped (process 101) and has not put \"t\", \"s\" in step 4; it was inside put of "
                        "\"s\" in step 4, since"));
  EXPECT_THAT(report, HasSubstr("what stopped process 101"));
}

TEST_F(WaitReport, TellsAStoppedRankThatItselfWaits) {
  wait(air_0, 11, Call::get, number(0, "dt"), 0, 0);
  wait_for_inputs(rain_0, 12, {{1, 1}});
  stop(rain_0, 10);

  EXPECT_THAT(report_of(air_0),
              HasSubstr("ML rank 0 (network \"rain\") is stopped (process 103); it was in a wait: it waits for "
                        "the inputs"));
}

TEST_F(WaitReport, TellsADeadRank) {
  wait(air_0, 11, Call::put, number(0, "t"), 0, 0);
  stop(rain_0, 10, ProcessState::dead);

  const std::string report = report_of(air_0);

  EXPECT_THAT(
      report,
      HasSubstr("rank 0 waits in put of \"t\" in step 4 until ML rank 0 (network \"rain\") is done with its rows "
                "of the exchange before"));
  EXPECT_THAT(report,
              HasSubstr("ML rank 0 (network \"rain\") is dead (process 103); it was running chunk 0 of step 4"));
  EXPECT_THAT(report, HasSubstr("why process 103 ended"));
}

TEST_F(WaitReport, TellsANetworkThatRunsTooLong) {
  at(rain_0).doing.since = ago(10);
  wait(air_0, 9, Call::get, number(0, "dt"), 0, 0);
  EXPECT_THAT(report_of(air_0), IsEmpty());

  wait(air_0, 10, Call::get, number(0, "dt"), 0, 0);
  EXPECT_THAT(report_of(air_0), HasSubstr("is running chunk 0 of step 4 through its network"));
  EXPECT_THAT(report_of(air_0), HasSubstr("a longer timeout"));
}

TEST_F(WaitReport, AllowsAForwardAfterTheLongPhysicsOfAnother) {
  wait(air_0, 29, Call::get, number(0, "dt"), 0, 0);
  at(rain_0).doing.since = ago(9);
  EXPECT_THAT(report_of(air_0), IsEmpty());

  wait(air_0, 30, Call::get, number(0, "dt"), 0, 0);
  EXPECT_THAT(report_of(air_0), HasSubstr("is running chunk 0"))
      << "no wait of a component is longer than timeout_physics";
}

// Rank 0 gets from "rain" before it puts for "wind", rank 1 the other way round.
TEST_F(WaitReport, FindsARing) {
  wait(air_0, 11, Call::get, number(0, "dt"), 0, 0);
  wait_for_inputs(rain_0, 11, {{1, 1}});
  wait(air_1, 11, Call::get, number(1, "du"), 1, 0);
  wait_for_inputs(wind_0, 10, {{0, 3}});
  at(air_0).fields_put = FieldNumbers::bit(number(0, "t")) | FieldNumbers::bit(number(0, "s"));
  at(air_1).fields_put = FieldNumbers::bit(number(1, "u"));

  const std::string report = report_of(air_0);

  EXPECT_THAT(report, HasSubstr("rank 1 waits in get of \"du\" in step 4 for ML rank 2 (network \"wind\")"));
  EXPECT_THAT(report, HasSubstr("and has not put \"t\", \"s\" in step 4"));
  EXPECT_THAT(report, HasSubstr("component \"air\", rank 0 closes the ring and has not put \"u\" in step 4"));
  EXPECT_THAT(report, HasSubstr("in the same order"));
}

TEST_F(WaitReport, OfRanksOutOfSightTellsTheirLastMessage) {
  wait_for_inputs(rain_0, 179, {{5, 1}, {6, 0}});
  at(rain_0).late_count = 100;
  EXPECT_THAT(report_of(rain_0), IsEmpty()) << "twice timeout_physics for each of the three steps between exchanges";

  at(rain_0).wait.since = ago(180);
  const std::string report = report_of(rain_0);
  EXPECT_THAT(report, HasSubstr("from component \"air\", rank 5 and component \"air\", rank 6 and 98 more, since"));
  EXPECT_THAT(
      report,
      HasSubstr("rank 5 is out of sight (on another node, or by transport: point_to_point): silent, last message "
                "at step 1\n"));
  EXPECT_THAT(report, HasSubstr("silent, no message yet\n"));
}

TEST_F(WaitReport, OfRanksOutOfSightComesSoonerWhereOthersWait) {
  wait_for_inputs(rain_0, 29, {{5, 1}});
  at(rain_0).there_count = 1;
  EXPECT_THAT(report_of(rain_0), IsEmpty());

  at(rain_0).wait.since = ago(30);
  EXPECT_THAT(report_of(rain_0), HasSubstr("rank 5 is out of sight"));
}

TEST_F(WaitReport, OfAnMlRankOutOfSightComesAfterItsOwn) {
  wait(air_0, 31, Call::get, number(0, "dt"), 0, 1);
  EXPECT_THAT(report_of(air_0), IsEmpty());

  wait(air_0, 33, Call::get, number(0, "dt"), 0, 1);
  EXPECT_THAT(report_of(air_0), HasSubstr("ML rank 2 of 2 of network \"rain\" is out of sight"));
}

TEST_F(WaitReport, OfEnddefTellsWhoHasNotCome) {
  for (const int i : {air_0, air_1, rain_0, wind_0}) wait(i, 31, Call::enddef);
  at(sea_0).doing = {Call::init, false, k_no_field, ago(35)};

  const std::string report = report_of(air_0);

  EXPECT_THAT(report, HasSubstr("rank 0 waits in enddef for component \"sea\", rank 0, since"));
  EXPECT_THAT(report, HasSubstr("component \"sea\", rank 0 is in its own code, outside Ekman, since"));
  EXPECT_THAT(report, HasSubstr("after init"));
  EXPECT_THAT(report, Not(HasSubstr("rank 1")));
}

TEST_F(WaitReport, OfFinalizeLeavesOtherComponentsAlone) {
  wait(air_0, 31, Call::finalize);
  wait(rain_0, 31, Call::finalize);
  wait(wind_0, 31, Call::finalize);

  const std::string report = report_of(air_0);

  EXPECT_THAT(report, HasSubstr("rank 0 waits in finalize for component \"air\", rank 1, since"));
  EXPECT_THAT(report, Not(HasSubstr("sea")));
}

TEST_F(WaitReport, OfTheStartNamesTheOption) {
  at(rain_0).who = {};
  scene_.timeout_physics = scene_.timeout;
  wait(rain_0, 10, Call::init);
  scene_.ranks = {at(rain_0)};

  const std::string report = report_of(0);

  EXPECT_THAT(
      report,
      HasSubstr("error: `ekman serve` (rank 7 of MPI_COMM_WORLD) has waited too long (the start may take 10 s)"));
  EXPECT_THAT(report, HasSubstr("--start-timeout"));
}

TEST(StateRecord, KeepsWhatADoingHolds) {
  const Doing before{Call::outputs, true, 4711, std::int64_t{1} << 40};

  const Doing after = to_doing(to_word(before));

  EXPECT_EQ(after.call, Call::outputs);
  EXPECT_TRUE(after.inside);
  EXPECT_EQ(after.field, 4711);
  EXPECT_EQ(after.since, std::int64_t{1} << 40);
}

TEST(StateRecord, ShowsTheOldestOfSeveralWaits) {
  StateWriter writer;
  const std::int64_t first = writer.begin_wait(Call::get, 1, 0, 3);
  const std::int64_t second = writer.begin_wait(Call::get, 2, 0, 4);

  EXPECT_EQ(read_record(writer.record()).wait.peer, 3);
  writer.end_wait(first);
  EXPECT_EQ(read_record(writer.record()).wait.peer, 4);
  writer.end_wait(second);
  EXPECT_EQ(read_record(writer.record()).wait.call, Call::none);
}

TEST(StateRecord, IsCarriedToOtherMemory) {
  StateRecord shared{};
  StateWriter writer;
  writer.enter(Call::init);
  writer.begin_wait(Call::init, k_no_field, -1, -1);

  writer.move_to(&shared);
  writer.introduce({true, true, 1, 2, 0});
  writer.late({{7, 3}}, 12, 5, true);

  const RankState state = read_record(shared);
  EXPECT_EQ(state.doing.call, Call::init);
  EXPECT_EQ(state.wait.call, Call::init);
  EXPECT_TRUE(state.who.known && state.who.is_ml);
  EXPECT_EQ(state.who.rank, 2);
  EXPECT_EQ(state.process.number, this_process().number);
  EXPECT_EQ(state.late_count, 12);
  EXPECT_EQ(state.late.size(), 8u);
  EXPECT_EQ(state.late[0].rank, 7);
}

}  // namespace
}  // namespace ekman
