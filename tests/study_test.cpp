// Studies: what is wrong with one is told in one go; points, placeholders, medians and tables by numbers counted by
// hand.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "adapters/yaml/study_from_yaml.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/study/placeholders.hpp"
#include "coupler/study/run_state.hpp"
#include "coupler/study/slurm_job.hpp"
#include "coupler/study/study_results.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;

const char* const k_plan = R"(ekman: 1
components:
  atmosphere: {points: 1000}
networks:
  heating:
    component: atmosphere
    network: {builtin: mlp, hidden: [8]}
    inputs: [{fields: [t]}]
    outputs: [{fields: [q]}]
  v1.2:
    component: atmosphere
    network: {echo: {}}
    inputs: [{fields: [t]}]
    outputs: [{fields: [p]}]
)";

class StudyFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("ekman_study_test_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    std::ofstream(folder_ / "plan.yaml") << k_plan;
  }
  void TearDown() override { fs::remove_all(folder_); }

  StudyReading read(const std::string& text) {
    const fs::path file = folder_ / "study.yaml";
    std::ofstream(file) << text;
    return examine_study(file.string());
  }
  // Without the folder.
  std::string errors_of(const std::string& text) {
    std::string all = joined(read(text).diagnostics.lines(Severity::error), "\n");
    const std::string prefix = folder_.string() + "/";
    for (std::size_t at = 0; (at = all.find(prefix)) != std::string::npos;) all.erase(at, prefix.size());
    return all;
  }

  fs::path folder_;
};

TEST_F(StudyFile, TellsAllThatIsWrongInOneGoWithLineAndCure) {
  EXPECT_EQ(errors_of(R"(plan: plan.yaml
vales: 1
values:
  networks.heatign.chunk: [64]
  networks.heating.chnk: [64]
  networks.heating.tile: [0, 16, 16]
  networks.heating.inputs[3].combine: [stack]
  output.directory: [there]
  component_ranks: []
  ranks: [1, two]
  plan: [a]
  unused: [1]
together: [[ranks, networks.heating.tile], [rank, ranks]]
scaling: {ranks: ranks, kind: stronger}
repeats: 0
component: atmosfere
launcher: {local: "mpirun -n {rnks} -n {ranks} {plan}"}
)"),
            R"(study.yaml:2:1: error: unknown key "vales"; did you mean "values"?
study.yaml:4:3: error: the plan has no "heatign" in "networks"; did you mean "heating"?
study.yaml:5:3: error: the plan has no "chnk" in "networks.heating"; did you mean "chunk"?
study.yaml:6:27: error: key "tile" must be auto or a whole number of at least 1; found "0"
study.yaml:6:34: error: "networks.heating.tile" has the value 16 twice; take one out
study.yaml:7:3: error: the plan has 1 entries there, the first of which is [0]; name one of them
study.yaml:8:3: error: the study gives each run its "output.directory" itself; take it out
study.yaml:9:20: error: key "component_ranks" must be a list; found an empty list
study.yaml:11:3: error: the study gives "plan" its value itself; take another name
study.yaml:12:11: error: "unused" is no key of plans, and no command has {unused}; write it into `launcher`, or name a key by its path, such as networks.heating.chunk
study.yaml:13:12: error: "ranks" has 2 values and "networks.heating.tile" has 3, but they vary together; give them as many
study.yaml:13:45: error: "rank" is not in `values`; did you mean "ranks"?
study.yaml:13:51: error: "ranks" stands in `together` twice; take one out
study.yaml:14:31: error: key "kind" must be strong or weak; found "stronger"; did you mean "strong"?
study.yaml:15:10: error: key "repeats" must be a whole number of at least 1; found "0"
study.yaml:16:12: error: the plan has no component "atmosfere"; did you mean "atmosphere"?
study.yaml:17:19: error: nothing gives {rnks} a value; did you mean "ranks"?)");
}

TEST_F(StudyFile, NamesPlaceholdersThatNothingGivesAValueOrNothingUses) {
  EXPECT_EQ(
      errors_of(R"(plan: plan.yaml
values:
  component_ranks: [1, 2]
  chunks: [1]
scaling: {ranks: chunk}
launcher: {local: "mpirun -n {component_rank} ./model ${HOME} {{print}} { a; } : -n {ml_ranks} {ekman} serve {plan}"}
)"),
      R"(study.yaml:3:20: error: "component_ranks" is no key of plans, and no command has {component_ranks}; did you mean "components"?
study.yaml:4:11: error: "chunks" is no key of plans, and no command has {chunks}; write it into `launcher`, or name a key by its path, such as networks.heating.chunk
study.yaml:5:18: error: "chunk" is not in `values`; did you mean "chunks"?
study.yaml:6:19: error: nothing gives {component_rank} a value; did you mean "component_ranks"?)");
}

TEST_F(StudyFile, WantsALauncherAndAPlan) {
  EXPECT_EQ(
      errors_of("plan: nowhere.yaml\nvalues: {timeout: [PT1M]}\nlauncher: {}\n"),
      "study.yaml:1:7: error: the plan nowhere.yaml cannot be read; name it relative to the study's folder, and see "
      "its permissions\nstudy.yaml:3:11: error: key \"launcher\" takes exactly one of local and slurm; found none");
}

TEST_F(StudyFile, SetsKeysOfThePlanByTheirPaths) {
  const StudyReading reading = read(R"(plan: plan.yaml
values:
  networks.heating.network.hidden: [[16, 16], [4]]
  networks.v1.2.chunk: [128]
  networks.heating.training.optimizer.adam.lr: [0.1]
  networks.heating.inputs[0].combine: [stack]
  timeout: [PT1M]
launcher: {local: "{plan}"}
)");
  ASSERT_EQ(joined(reading.diagnostics.lines(Severity::error), "\n"), "");
  const Plan plan = examine_point(reading, {1, 0, 0, 0, 0}, nullptr).plan;

  EXPECT_EQ(plan.networks[0].source.arguments.at("hidden").values, std::vector<std::string>{"4"});
  EXPECT_EQ(plan.networks[1].chunk, 128);
  EXPECT_EQ(plan.networks[0].inputs[0].combine, Combine::stack);
  EXPECT_DOUBLE_EQ(plan.networks[0].training.optimizer.lr, 0.1);
  EXPECT_EQ(plan.timeout, 60000000);
}

TEST_F(StudyFile, TellsAWrongPointAtThePlaceInThePlanThatItChanges) {
  const StudyReading reading = read(
      "plan: plan.yaml\nvalues: {networks.heating.component: [ocean]}\n"
      "launcher: {local: \"{plan}\"}\n");
  ASSERT_EQ(joined(reading.diagnostics.lines(Severity::error), "\n"), "");
  const std::vector<std::string> lines = examine_point(reading, {0}, nullptr).diagnostics.lines(Severity::error);

  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("plan.yaml:6:16: error: "), std::string::npos) << lines[0];
}

TEST(StudyKeys, ReferenceInDocsIsThatOfTheTable) {
  const std::string begin = "<!-- keys: begin -->\n", end = "<!-- keys: end -->";
  const std::string page = text_of_file(EKMAN_SOURCE_DIR "/docs/sweep.md").value_or("");
  const std::size_t start = page.find(begin) + begin.size(), stop = page.find(end, start);

  ASSERT_NE(stop, std::string::npos);
  EXPECT_EQ(page.substr(start, stop - start), key_reference_markdown(study_keys()))
      << "put the output of `ekman keys --study` between the markers";
}

Study make_study() {
  Study study;
  study.name = "made_up";
  study.values = {{"component_ranks", false, {"1", "2", "4"}},
                  {"components.atmosphere.points", true, {"100", "200", "400"}},
                  {"networks.a.chunk", true, {"64", "256"}},
                  {"networks.b.chunk", true, {"8"}},
                  {"networks.a.training.seed", true, {"0", "1"}}};
  study.together = {{0, 1}};
  study.ranks = "component_ranks";
  return study;
}

TEST(StudyPoints, AreAllCombinationsSaveOfWhatVariesTogether) {
  const Study study = make_study();
  const std::vector<Choice> points = points_of(study);

  ASSERT_EQ(points.size(), 12u);
  EXPECT_EQ(count_points(study), 12u);
  EXPECT_EQ(points[5], (Choice{1, 1, 0, 0, 1}));
  EXPECT_EQ(words_of(study, points[5]), "component_ranks 2, points 200, a.chunk 64, b.chunk 8, seed 1");
  EXPECT_EQ(line_of(study, points[5]), "a.chunk 64, b.chunk 8, seed 1");
}

TEST(Placeholders, LeaveBracesOfTheShellAlone) {
  const std::string text = "a {n} ${n} {{n}} { n; } {1..3} awk '{print}' {networks.x.ranks}";
  EXPECT_EQ(placeholders_in(text), (std::set<std::string>{"n", "print", "networks.x.ranks"}));
  EXPECT_EQ(filled(text, {{"n", "7"}, {"networks.x.ranks", "2"}}), "a 7 ${n} {n} { n; } {1..3} awk '{print}' 2");
}

TEST(Numbers, HaveMedianMeanAndDeviationOfThoseThatAreSome) {
  const double none = std::nan("");
  EXPECT_DOUBLE_EQ(median({3.0, none, 1.0, 2.0}), 2.0);
  EXPECT_DOUBLE_EQ(median({4.0, 1.0}), 2.5);
  EXPECT_TRUE(std::isnan(median({none})));
  EXPECT_DOUBLE_EQ(mean({1.0, 3.0, none}), 2.0);
  EXPECT_DOUBLE_EQ(deviation({1.0, 2.0, 3.0}), 1.0);
  EXPECT_TRUE(std::isnan(deviation({1.0})));
}

RunProfile made_profile() {
  RunProfile run;
  run.components = {"atmosphere", "ocean"};
  run.networks.resize(1);
  for (const int component : {0, 1, 1}) {
    RankProfile rank;
    rank.component = component;
    rank.steps = 10;
    rank.seconds = component == 0 ? 2.0 : 5.0;
    ProfileLane lane;
    lane.network = 0;
    lane.sums[place_of(Stage::wait)] = {10, 1.0, 0.2};
    rank.lanes = {lane};
    run.ranks.push_back(rank);
  }
  return run;
}

double number_of(const RunNumbers& numbers, const std::string& name) {
  for (const auto& [other, value] : numbers)
    if (other == name) return value;
  return std::nan("");
}

TEST(Numbers, OfARunAreThoseOfTheComponentThatTheStudyNames) {
  const RunNumbers first = numbers_of(made_profile(), ""), named = numbers_of(made_profile(), "ocean");

  EXPECT_DOUBLE_EQ(number_of(first, "seconds_per_step"), 0.2);
  EXPECT_DOUBLE_EQ(number_of(first, "component_wait"), 0.1);
  EXPECT_DOUBLE_EQ(number_of(named, "seconds_per_step"), 0.5);
  EXPECT_DOUBLE_EQ(number_of(named, "component_wait_share"), 0.2);
  EXPECT_DOUBLE_EQ(number_of(named, "seconds_per_step_of_atmosphere"), 0.2);
  EXPECT_DOUBLE_EQ(number_of(named, "wait_share_of_atmosphere"), 0.5);
}

PointResult made_result(const Choice& choice, const std::vector<double>& seconds) {
  PointResult result{"id", choice, "done", "", {}, {}, {}};
  for (const double value : seconds) {
    result.runs.push_back({{"seconds_per_step", value},
                           {"points", 100.0},
                           {"devices", 1.0},
                           {"points_per_second_per_device", 100.0 / value}});
    result.seconds.push_back(10.0);
  }
  return result;
}

TEST(ResultTable, HasMediansAndEfficiencyAgainstFewestRanksOfTheSameLine) {
  Study study = make_study();
  study.values = {{"ranks", false, {"4", "2", "1"}}, {"networks.a.chunk", true, {"64", "256"}}};
  study.together.clear();
  study.ranks = "ranks";
  const std::vector<PointResult> points{made_result({0, 0}, {0.5, 0.4, 0.9}), made_result({1, 0}, {0.8}),
                                        made_result({0, 1}, {0.7}), made_result({2, 1}, {1.4}),
                                        made_result({1, 1}, {})};
  std::vector<TableColumn> table = result_table(study, points);

  const auto numbers = [&](const char* name) { return find_column(table, name)->numbers; };
  EXPECT_EQ(numbers("repeats"), (std::vector<double>{3, 1, 1, 1, 0}));
  EXPECT_DOUBLE_EQ(numbers("seconds_per_step")[0], 0.5);
  EXPECT_DOUBLE_EQ(numbers("seconds_per_step_least")[0], 0.4);
  EXPECT_DOUBLE_EQ(numbers("seconds_per_step_most")[0], 0.9);
  EXPECT_DOUBLE_EQ(numbers("ideal_seconds_per_step")[0], 0.4);  // of 0.8 s on 2 ranks
  EXPECT_DOUBLE_EQ(numbers("efficiency")[0], 0.8);
  EXPECT_DOUBLE_EQ(numbers("efficiency")[2], 0.5);  // of 1.4 s on 1 rank
  EXPECT_DOUBLE_EQ(numbers("ideal_points_per_second_per_device")[2], 400.0 / 1.4);
  EXPECT_TRUE(std::isnan(numbers("efficiency")[4]));
  study.is_weak = true;
  table = result_table(study, points);
  EXPECT_DOUBLE_EQ(numbers("ideal_seconds_per_step")[0], 0.8);
  EXPECT_DOUBLE_EQ(numbers("efficiency")[0], 1.6);
}

TEST(ResultTable, ComparesSimulatedPointsWithSimulatedOnes) {
  Study study = make_study();
  study.values = {{"ranks", false, {"1", "2", "4"}}};
  study.together.clear();
  study.ranks = "ranks";
  std::vector<PointResult> points{made_result({0}, {1.0}), made_result({1}, {0.4}), made_result({2}, {0.25})};
  for (const std::size_t i : {1, 2}) points[i].runs[0].emplace_back("simulated", 1.0);

  const std::vector<TableColumn> table = result_table(study, points);

  EXPECT_EQ(find_column(table, "efficiency")->numbers, (std::vector<double>{1.0, 1.0, 0.8}));
}

TEST(ResultTable, TellsWeakScalingWhosePointsDoNotGrow) {
  Study study = make_study();
  study.values = {{"ranks", false, {"1", "2"}}};
  study.together.clear();
  study.ranks = "ranks";
  std::vector<PointResult> points{made_result({0}, {1.0}), made_result({1}, {1.0})};
  EXPECT_EQ(uneven_work(study, result_table(study, points)), "");

  study.is_weak = true;
  EXPECT_EQ(uneven_work(study, result_table(study, points)),
            "weak scaling keeps the points of a rank, but here a rank has 50 to 100 of them; let a list of points vary "
            "`together` with ranks, or take kind: strong");
  points[1].runs[0][1].second = 200.0;
  EXPECT_EQ(uneven_work(study, result_table(study, points)), "");
}

TEST(LearningTable, GroupsPointsThatDifferInSeedsAlone) {
  Study study = make_study();
  study.values = {{"networks.a.training.optimizer.adam.lr", true, {"0.1", "0.01"}},
                  {"networks.a.training.seed", true, {"0", "1"}}};
  study.together.clear();
  std::vector<PointResult> points;
  for (std::size_t i = 0; i < 4; ++i) {
    points.push_back({"id", {i / 2, i % 2}, "done", "", {{}}, {10.0 + static_cast<double>(i)}, {}});
    points.back().learned.push_back({"a", "log", {5, 1.0, 0.2 * static_cast<double>(i + 1), 3}});
  }
  const std::vector<TableColumn> table = learning_table(study, points);

  EXPECT_EQ(find_column(table, "group")->texts, (std::vector<std::string>{"lr 0.1", "lr 0.01"}));
  EXPECT_EQ(find_column(table, "seeds")->numbers, (std::vector<double>{2, 2}));
  EXPECT_DOUBLE_EQ(find_column(table, "best_validation_loss")->numbers[1], 0.7);
  EXPECT_DOUBLE_EQ(find_column(table, "best_validation_loss_deviation")->numbers[1], 0.2 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(find_column(table, "run_seconds")->numbers[0], 10.5);
}

TEST_F(StudyFile, LogOfLearningIsReadToTheLastRowThatIsWhole) {
  const std::string log = (folder_ / "log.csv").string();
  std::ofstream(log) << "step,model_time,exchange,loss,\"loss a,b\",validation_loss\r\n"
                     << "1,1,1,0.9,0.9,\r\n2,2,2,0.5,0.5,0.7\r\n3,3,3,0.4,0.4,0.6\r\n4,4,4,0.3,0.3,0.8\r\n5,5";
  const auto numbers = read_learning(log);

  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->steps, 4);
  EXPECT_EQ(numbers->best_step, 3);
  EXPECT_DOUBLE_EQ(numbers->best_validation_loss, 0.6);
  EXPECT_DOUBLE_EQ(numbers->last_loss, 0.3);
  EXPECT_FALSE(read_learning(log + ".none"));
}

TEST_F(StudyFile, OutcomeComesBackAndALogSaysWhatWentWrong) {
  write_outcome(folder_.string(), {RunStatus::timed_out, 143, 2.5, "said: this"});
  const auto outcome = read_outcome(folder_.string());
  const std::string log = (folder_ / "log.txt").string();
  std::ofstream(log) << "fine\nekman: error: no such field; define it\nMPI_ABORT was invoked\n------\n";

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->status, RunStatus::timed_out);
  EXPECT_EQ(outcome->exit_status, 143);
  EXPECT_EQ(outcome->said, "said: this");
  EXPECT_EQ(telling_line(log), "ekman: error: no such field; define it");
  EXPECT_FALSE(read_outcome((folder_ / "none").string()));
}

TEST(SlurmScript, HasTwoPartsWithMlRanksAndOneWithout) {
  SlurmJob job;
  job.name = "ekman-1";
  job.folder = "/here it is";
  job.log = "/runs/100%/log.txt";
  job.exit_file = "/runs/exit.txt";
  job.timeout = 90.0;
  job.components = {6, "./model", {"--partition=cpu", "--nodes=2"}};
  job.ml = {2, "ekman serve plan.yaml", {"--partition=gpu"}};
  job.srun_options = {"--mpi=pmix"};
  job.before = "module load hdf5";

  EXPECT_EQ(slurm_script(job), R"(#!/bin/sh
#SBATCH --job-name=ekman-1
#SBATCH --output="/runs/100%%/log.txt"
#SBATCH --ntasks=6
#SBATCH --time=2
#SBATCH --partition=cpu
#SBATCH --nodes=2
#SBATCH hetjob
#SBATCH --ntasks=2
#SBATCH --time=2
#SBATCH --partition=gpu
cd '/here it is' || exit 1
module load hdf5
begin=$(date +%s.%N)
srun --kill-on-bad-exit=1 --mpi=pmix --het-group=0 --ntasks=6 ./model : --kill-on-bad-exit=1 --mpi=pmix --het-group=1 --ntasks=2 sh -c 'ekman serve plan.yaml; status=$?; sleep 1; exit $status'
status=$?
echo $status $begin $(date +%s.%N) > /runs/exit.txt.part && mv /runs/exit.txt.part /runs/exit.txt
exit $status
)");
  job.ml.ranks = 0;
  EXPECT_EQ(slurm_script(job).find("het"), std::string::npos);
}

}  // namespace
}  // namespace ekman
