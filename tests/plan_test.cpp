// The plan: bytes and back, every error message with its file in tests/plans_bad, the plans in configs, and the
// reference of keys.
#include "coupler/plan/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/plan/restart_label.hpp"
#include "ekman/error.hpp"
#include "tests/builtin_sources.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;

const std::string k_minimal = R"(
ekman: 1
components: {atmosphere: {}}
networks:
  n:
    component: atmosphere
    network: {echo: {}}
    inputs: [{fields: [t, u]}]
    outputs: [{fields: [q], combine: stack}]
)";

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> files_in(const std::string& folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(EKMAN_SOURCE_DIR) / folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string error_of(const std::string& text) {
  try {
    parse_plan(text, "plan.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    return error.what();
  }
  return "no error";
}

Plan full_plan() {
  Plan plan = parse_plan(k_minimal, "plan.yaml");
  plan.components[0].timestep = 100000;
  plan.components[0].points = 40962;
  NetworkSpec& network = plan.networks[0];
  network.ranks = 3;
  network.devices = {"cpu", "cuda", "cuda:1"};
  network.source = fno_source(8, {3, 4}, 2, "zero", "periodic", 7);
  network.source.path = "a.pt";
  network.source.sha256 = "00ff";
  network.source.library = "lib.so";
  network.sample = Sample::grid;
  network.grid_ny = 12;
  network.grid_nx = 24;
  network.wire = Real::float64;
  network.compute = Compute::bfloat16;
  network.optimize = Optimize::none;
  network.transport = Transport::point_to_point;
  network.normalize = {{"t", {{250.0}, {30.0}}}, {"q", {{0.0, 0.5}, {1e-3, 2e-3}, false, "s.h5"}}};
  return plan;
}

TEST(PlanBytes, ComeBackAsTheSamePlan) {
  Plan plan = full_plan();
  plan.networks[0].coupling_period = 300000;
  plan.networks[0].time_reduction = Reduction::maximum;
  plan.networks[0].lag = 1;
  plan.networks[0].compute = Compute::float16;
  plan.networks[0].cuda_graph = true;
  plan.networks[0].guard.given = true;
  plan.networks[0].guard.nonfinite = OnViolation::fallback;
  plan.networks[0].guard.fields["q"] = {-1.0, 2.0, OnViolation::clip, "other"};
  plan.calendar = {true, CalendarKind::days_360, 12345};
  plan.components[0].fields = {{"t", {60, "K"}}};
  plan.output_directory = "here";
  plan.timeout = 7;
  plan.timeout_physics = 11;
  plan.resume = "2000-06-01";
  plan.record = {true, {"t", "q"}, 3, "kept.h5", 1000, 17};

  const Plan copy = deserialise(serialise(plan));

  EXPECT_EQ(serialise(copy), serialise(plan));
  EXPECT_EQ(copy.file, "plan.yaml");
  EXPECT_EQ(copy.components.at(0).name, "atmosphere");
  EXPECT_EQ(copy.components.at(0).timestep, 100000);
  const NetworkSpec& network = copy.networks.at(0);
  EXPECT_EQ(network.ranks, 3);
  EXPECT_EQ(network.devices, plan.networks[0].devices);
  EXPECT_EQ(network.source.name, "fno");
  EXPECT_EQ(network.source.kind, SourceKind::builtin);
  EXPECT_EQ(network.source.arguments.at("modes").values, (std::vector<std::string>{"3", "4"}));
  EXPECT_TRUE(network.source.arguments.at("modes").is_list);
  EXPECT_EQ(network.source.arguments.at("padding.x").values.front(), "periodic");
  EXPECT_EQ(network.source.seed, 7);
  EXPECT_EQ(network.source.library, "lib.so");
  EXPECT_EQ(network.rows_per_chunk(), 1024 * 12 * 24);
  EXPECT_EQ(network.wire, Real::float64);
  EXPECT_EQ(network.transport, Transport::point_to_point);
  EXPECT_EQ(network.compute, Compute::float16);
  EXPECT_TRUE(network.cuda_graph);
  EXPECT_EQ(network.outputs.at(0).combine, Combine::stack);
  EXPECT_EQ(network.normalize.at("q").std, (std::vector<double>{1e-3, 2e-3}));
  EXPECT_EQ(network.normalize.at("q").from, "s.h5");
  EXPECT_EQ(steps_between_exchanges(copy, network), 3);
  EXPECT_EQ(network.time_reduction, Reduction::maximum);
  EXPECT_EQ(network.lag, 1);
  EXPECT_EQ(network.guard.nonfinite, OnViolation::fallback);
  EXPECT_EQ(network.guard.fields.at("q").min, -1.0);
  EXPECT_EQ(network.guard.fields.at("q").fallback, "other");
  EXPECT_EQ(copy.calendar.kind, CalendarKind::days_360);
  EXPECT_EQ(copy.calendar.start, 12345);
  EXPECT_EQ(copy.components[0].fields.at("t").levels, 60);
  EXPECT_EQ(copy.components[0].fields.at("t").units, "K");
  EXPECT_EQ(copy.output_directory, "here");
  EXPECT_EQ(copy.timeout, 7);
  EXPECT_EQ(copy.timeout_physics, 11);
  EXPECT_EQ(copy.resume, "2000-06-01");
  EXPECT_TRUE(copy.record.given);
  EXPECT_EQ(copy.record.fields, plan.record.fields);
  EXPECT_EQ(copy.record.every, 3);
  EXPECT_EQ(copy.record.file, "kept.h5");
  EXPECT_EQ(copy.record.max_bytes, 1000);
  EXPECT_EQ(copy.record.records_per_file, 17);
}

TEST(PlanBytes, CutAnywhereAreRefused) {
  const std::string bytes = serialise(full_plan());

  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_THROW(deserialise(bytes.substr(0, size)), Error);
  EXPECT_THROW(deserialise(bytes + "x"), Error);
}

TEST(PlanBytes, ChangedAnywhereAreRefusedOrThoseOfAnotherPlan) {
  const std::string bytes = serialise(full_plan());

  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char value : {'\0', '\2', '\x7f', '\xff'}) {
      std::string changed = bytes;
      changed[i] = value;
      try {
        EXPECT_EQ(serialise(deserialise(changed)), changed) << "byte " << i;
      } catch (const Error&) {
      }
    }
  }
}

TEST(PlanBytes, OfAnotherVersionAreRefused) {
  std::string bytes = serialise(full_plan());
  ++bytes[5];

  EXPECT_THROW(deserialise(bytes), Error);
}

TEST(Plan, CountsRanksAndOrdersFields) {
  Plan plan = full_plan();
  plan.networks.push_back(plan.networks[0]);

  EXPECT_EQ(ml_ranks_of(plan), 6);
  EXPECT_EQ(fields_of({{{"a", "b"}}, {{"c"}}}), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(CrossCheck, RefusesNumbersThatYamlCannotGive) {
  Plan plan = full_plan();
  NetworkSpec& network = plan.networks[0];
  network.ranks = 0;
  network.threads = 0;
  network.chunk = 0;
  network.devices = {"cpu"};
  network.inputs.clear();
  network.outputs[0].fields.clear();
  network.normalize.clear();

  std::string paths;
  for (const Problem& problem : cross_check(plan)) paths += problem.path + " ";

  EXPECT_EQ(paths,
            "networks.n.ranks networks.n.threads networks.n.chunk networks.n.inputs networks.n.outputs[0].fields ");
  network.grid_nx = 0;
  EXPECT_EQ(cross_check(plan)[2].path, "networks.n.sample.grid.shape");
}

TEST(DidYouMean, ProposesNearNamesOnly) {
  EXPECT_EQ(did_you_mean("temprature", {"humidity", "temperature"}), "; did you mean \"temperature\"?");
  EXPECT_EQ(did_you_mean("pressure", {"humidity", "temperature"}), "");
  EXPECT_EQ(did_you_mean("pressure", {"humidity", "temperature"}, "; take it out"), "; take it out");
}

TEST(PlanFromYaml, CompletesDefaults) {
  const Plan plan = parse_plan(k_minimal, "plan.yaml");

  const NetworkSpec& network = plan.networks.at(0);
  EXPECT_EQ(network.ranks, 1);
  EXPECT_EQ(network.threads, 1);
  EXPECT_EQ(network.devices, std::vector<std::string>{"auto"});
  EXPECT_EQ(network.chunk, 1024);
  EXPECT_EQ(network.tile, 0);
  EXPECT_EQ(network.source.kind, SourceKind::echo);
  EXPECT_EQ(network.inputs.at(0).combine, Combine::concat);
  EXPECT_EQ(plan.components.at(0).points, -1);
  EXPECT_EQ(plan.components.at(0).timestep, 0);
}

TEST(PlanFromYaml, AcceptsDefaultsOfKeysNotYetSupported) {
  const std::string text = k_minimal +
                           "    lag: 0\n    tape: 0\n    placement: dedicated\n"
                           "    time_reduction: none\n    reproducible: outputs\n    optimize: none\n";

  EXPECT_NO_THROW(parse_plan(text, "plan.yaml"));
}

TEST(PlanFromYaml, GivesNetworksInTheirComponentNoMlRanks) {
  const Plan plan = deserialise(serialise(parse_plan(k_minimal + "    placement: inline\n", "plan.yaml")));

  EXPECT_TRUE(plan.networks[0].is_inline());
  EXPECT_EQ(ml_ranks_of(plan), 0);
}

TEST(PlanFromYaml, GivesGridsAChunkOfOne) {
  const Plan plan = parse_plan(k_minimal + "    sample: {grid: {shape: [3, 5]}}\n", "plan.yaml");

  EXPECT_EQ(plan.networks[0].chunk, 1);
  EXPECT_EQ(plan.networks[0].rows_per_chunk(), 15);
}

TEST(PlanFromYaml, ResolvesAnchorsAndMergeKeys) {
  const std::string text = k_minimal + "    <<: [*a, *b]\n    chunk: 8\n";
  const std::string shared = "x-a: &a {chunk: 4, ranks: 2}\nx-b: &b {ranks: 3, threads: 5}";

  const NetworkSpec network = parse_plan(shared + text, "plan.yaml").networks.at(0);

  EXPECT_EQ(network.chunk, 8);
  EXPECT_EQ(network.ranks, 2);
  EXPECT_EQ(network.threads, 5);
}

TEST(PlanFromYaml, AllowsKeysOfTheUsersEverywhere) {
  const std::string text = k_minimal + "    normalize: {x-note: 1, t: {mean: 1, x-unit: K}}\n    x-why: {a: [1]}\n";

  const Plan plan = parse_plan("x-top: 1" + text, "plan.yaml");

  EXPECT_EQ(plan.networks[0].normalize.size(), 1u);
}

TEST(PlanFromYaml, ReadsDurations) {
  const auto microseconds = [](const std::string& duration) {
    std::string text = k_minimal;
    text.replace(text.find("{atmosphere: {}}"), 16, "{atmosphere: {timestep: " + duration + "}}");
    return parse_plan(text, "plan.yaml").components[0].timestep;
  };

  EXPECT_EQ(microseconds("PT10M"), 600000000);
  EXPECT_EQ(microseconds("P1DT6H"), 108000000000);
  EXPECT_EQ(microseconds("PT1H30M0.5S"), 5400500000);
  for (const char* wrong :
       {"P", "PT", "T1M", "PT1", "PT1S1M", "PT0S", "P1DT", "-PT1S", "PTS", "PT1.2.3S", "P100000000D", "PT0.0000001S"})
    EXPECT_THROW(microseconds(wrong), Error) << wrong;
}

TEST(PlanFromYaml, AllowsPhysicsTheTimeoutUnlessToldMore) {
  const Plan none = parse_plan(k_minimal, "plan.yaml");
  const Plan one = parse_plan(k_minimal + "timeout: PT30M\n", "plan.yaml");
  const Plan two = parse_plan(k_minimal + "timeout: PT1M\ntimeout_physics: PT1H\n", "plan.yaml");

  EXPECT_EQ(none.timeout, 600000000);
  EXPECT_EQ(none.timeout_physics, 600000000);
  EXPECT_EQ(one.timeout_physics, 1800000000);
  EXPECT_EQ(two.timeout, 60000000);
  EXPECT_EQ(two.timeout_physics, 3600000000);
}

TEST(PlanFromYaml, TakesFilesRelativeToThePlan) {
  const auto path = [](const std::string& file) {
    std::string text = k_minimal;
    text.replace(text.find("{echo: {}}"), 10, "{torchscript: " + file + "}");
    return parse_plan(text, "some/folder/plan.yaml").networks[0].source.path;
  };

  EXPECT_EQ(path("nets/a.pt"), "some/folder/nets/a.pt");
  EXPECT_EQ(path("/nets/a.pt"), "/nets/a.pt");
}

TEST(PlanFromYaml, NamesAllProblemsInTheOrderOfTheFile) {
  const std::string error = error_of(k_minimal + "    tile: 3\n    chnk: 8\n    normalize: {tt: {std: x}}\n");

  EXPECT_EQ(error,
            "plan.yaml:10:11: error: tile 3 does not divide chunk 1024; choose a divisor, or `tile: auto`\n"
            "plan.yaml:11:5: error: unknown key \"chnk\"; did you mean \"chunk\"?\n"
            "plan.yaml:12:27: error: key \"std\" must be a number; found \"x\"");
}

TEST(PlanFromYaml, DrawsNoConclusionsFromWrongValues) {
  EXPECT_EQ(error_of(k_minimal + "    tile: 3\n    chunk: x\n"),
            "plan.yaml:11:12: error: key \"chunk\" must be a whole number of at least 1; found \"x\"");
  EXPECT_EQ(error_of(k_minimal + "    ranks: x\n    device: [cpu, cuda]\n"),
            "plan.yaml:10:12: error: key \"ranks\" must be a whole number of at least 1; found \"x\"");
}

TEST(PlanFromYaml, RefusesTextsWithoutBound) {
  EXPECT_NE(error_of(std::string(1 << 20, '#') + "\n").find("larger than 1 MiB"), std::string::npos);
  EXPECT_NE(error_of("x-a: " + std::string(100, '[') + std::string(100, ']')).find("nested more than"),
            std::string::npos);
  EXPECT_NE(error_of("x-a: " + std::string(100000, '[')).find("plan.yaml:1:"), std::string::npos);
}

TEST(PlanFromYaml, NamesAFileThatCannotBeRead) {
  for (const char* path : {"/nowhere/plan.yaml", "/"}) {
    try {
      read_plan(path);
      FAIL();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(": error: the file cannot be read"), std::string::npos) << error.what();
    }
  }
}

TEST(PlansBad, AreRefusedWithTheMessageTheyExpect) {
  const std::string mark = "# expect: ";
  const std::vector<fs::path> files = files_in("tests/plans_bad", ".yaml");

  EXPECT_GE(files.size(), 80u);
  for (const fs::path& file : files) {
    const std::string text = read_text(file);
    ASSERT_EQ(text.substr(0, mark.size()), mark) << file;
    const std::string expected = text.substr(mark.size(), text.find('\n') - mark.size());
    const std::string error = error_of(text);
    EXPECT_NE(error.find(expected), std::string::npos) << file << "\n  expected: " << expected << "\n  got: " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << file << " has more than one problem:\n" << error;
  }
}

TEST(Configs, AllParse) {
  const std::vector<fs::path> files = files_in("configs", ".yaml");

  EXPECT_GE(files.size(), 6u);
  for (const fs::path& file : files) EXPECT_NO_THROW(read_plan(file.string())) << file;
}

TEST(Configs, ReferenceInReadmeIsThatOfTheKeyTable) {
  const std::string begin = "<!-- keys: begin -->\n";
  const std::string end = "<!-- keys: end -->";
  const std::string text = read_text(fs::path(EKMAN_SOURCE_DIR) / "configs/README.md");

  const std::size_t from = text.find(begin);
  ASSERT_NE(from, std::string::npos);
  const std::size_t start = from + begin.size();
  const std::size_t stop = text.find(end, start);
  ASSERT_NE(stop, std::string::npos);

  EXPECT_EQ(text.substr(start, stop - start), key_reference_markdown())
      << "put the output of key_reference_markdown() between the markers";
}

TEST(RestartLabel, IsAFolderName) {
  for (const char* good : {"2000-06-01", "2000-06-01T00:00:00+00", "a", "cut_1.v2"})
    EXPECT_EQ(label_problem(good), "") << good;
  const std::string long_one(129, 'x');
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a b"), std::string("a\nb"),
        std::string(".hidden"), std::string("\xc3\xa4"), long_one}) {
    EXPECT_NE(label_problem(bad).find("is no label of a restart set"), std::string::npos) << bad;
  }
}

TEST(KeyTable, HasEachPathOnceBelowARowThatExists) {
  for (const Key& key : key_table()) {
    EXPECT_EQ(find_key(key.path), &key) << key.path;
    std::string parent = key.parent();
    if (parent.size() > 2 && parent.substr(parent.size() - 2) == "[]") parent.resize(parent.size() - 2);
    EXPECT_TRUE(parent.empty() || find_key(parent)) << key.path;
    EXPECT_FALSE(key.sentence.empty()) << key.path;
  }
}

}  // namespace
}  // namespace ekman
