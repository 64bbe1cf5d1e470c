// Restart sets on disk: what is written is read, bit for bit; a set is replaced as a whole or not at all;
// what cannot be written or read is named with its cause.
#include "adapters/hdf5/restart_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "coupler/restart/restart_moment.hpp"
#include "ekman/error.hpp"
#include "tests/message_of.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RestartStoreTest : public ::testing::Test {
 protected:
  RestartStoreTest() { fs::remove_all(folder_); }
  ~RestartStoreTest() override { fs::remove_all(folder_); }

  // Of a cut right before an exchange, and without a reduction: there are ids only.
  static RestartHeader header(const std::string& network = "convection") {
    RestartHeader header;
    header.component = "atmosphere";
    header.network = network;
    header.step = 7;
    header.points = 5;
    header.period = 3;
    header.wire = Real::float32;
    header.inputs = {{"t", 2}, {"ps", 1}};
    header.outputs = {{"dt", 2}};
    return header;
  }

  // A file whose only array counts from `first_id`.
  void write_file(const RestartHeader& header, std::int64_t first_id) {
    const auto writer = store_->create("cut", header);
    for (std::int64_t i = 0; i < header.points; ++i) {
      const std::int64_t id = first_id + i;
      writer->write(ids_array(), i, 1, reinterpret_cast<const std::byte*>(&id));
    }
    writer->finish();
  }

  void publish(const std::vector<std::string>& networks = {"convection"}) {
    store_->publish("cut", "atmosphere", networks);
  }

  std::int64_t first_id(const std::string& network = "convection") {
    std::int64_t id = -1;
    store_->open({"cut", "atmosphere", network})->read(ids_array(), 0, 1, reinterpret_cast<std::byte*>(&id));
    return id;
  }

  fs::path folder_ = fs::temp_directory_path() / ("ekman_restart_" + std::to_string(::getpid()));
  fs::path sets_ = folder_ / "restart" / "cut";
  std::unique_ptr<RestartStore> store_ = make_hdf5_restart_store(folder_.string());
};

TEST_F(RestartStoreTest, ReadsBackTheHeader) {
  write_file(header(), 100);
  publish();

  const RestartHeader found = store_->open({"cut", "atmosphere", "convection"})->header();

  EXPECT_EQ(restart_mismatch(found, header()), "");
  EXPECT_EQ(found.step, 7);
  EXPECT_EQ(found.outputs.size(), 1u);
}

TEST_F(RestartStoreTest, KeepsEveryBitOfEveryArray) {
  RestartHeader written = header();
  written.step = 9;  // between couplings, two steps after the exchange of step 7
  written.time_reduction = Reduction::average;
  written.kinds = {Real::float64, Real::float32};
  const std::uint32_t marked = 0x7fc0ea7a, denormal = 1, minus_zero = 0x80000000, one = 0x3f800000;
  const std::uint32_t rows[5][2] = {{marked, one}, {denormal, one}, {minus_zero, 0}, {one, one}, {0, marked}};
  const double sums[5][2] = {{1.0, 1.0 / 3}, {5e-324, -0.0}, {1e308, 2}, {3, 4}, {5, 6}};
  const float pressure[5] = {1, 2, 3, 4, 5};
  const std::int64_t ids[5] = {1, 2, 5000000000, 5000000001, 5000000002};
  const auto writer = store_->create("cut", written);
  ASSERT_EQ(written.exchanges_kept(), 1);
  const auto outputs = output_arrays(written, 0), reductions = reduction_arrays(written);
  ASSERT_EQ(outputs.size(), 1u);
  ASSERT_EQ(reductions.size(), 2u);
  writer->write(ids_array(), 0, 5, reinterpret_cast<const std::byte*>(ids));
  writer->write(outputs[0], 0, 3, reinterpret_cast<const std::byte*>(rows));
  writer->write(outputs[0], 3, 2, reinterpret_cast<const std::byte*>(rows[3]));
  writer->write(reductions[0], 0, 5, reinterpret_cast<const std::byte*>(sums));
  writer->write(reductions[1], 0, 5, reinterpret_cast<const std::byte*>(pressure));
  writer->finish();
  publish();

  const auto reader = store_->open({"cut", "atmosphere", "convection"});
  ASSERT_EQ(reader->header().kinds, written.kinds);
  std::uint32_t rows_read[4][2];
  double sums_read[5][2];
  float pressure_read[5];
  std::int64_t id = 0;
  reader->read(outputs[0], 1, 4, reinterpret_cast<std::byte*>(rows_read));
  reader->read(reductions[0], 0, 5, reinterpret_cast<std::byte*>(sums_read));
  reader->read(reductions[1], 0, 5, reinterpret_cast<std::byte*>(pressure_read));
  reader->read(ids_array(), 2, 1, reinterpret_cast<std::byte*>(&id));

  EXPECT_EQ(std::memcmp(rows_read, rows[1], sizeof rows_read), 0);
  EXPECT_EQ(std::memcmp(sums_read, sums, sizeof sums), 0);
  EXPECT_EQ(std::memcmp(pressure_read, pressure, sizeof pressure), 0);
  EXPECT_EQ(id, 5000000000);
}

TEST_F(RestartStoreTest, ReadsBackTheLag) {
  RestartHeader written = header();
  written.lag = 1;
  write_file(written, 100);
  publish();

  const RestartHeader found = store_->open({"cut", "atmosphere", "convection"})->header();

  EXPECT_EQ(found.lag, 1);
  EXPECT_THAT(restart_mismatch(found, header()), HasSubstr("lag 1 there, 0 here"));
}

TEST_F(RestartStoreTest, KeepsEveryBitOfWhatANetworkHasLearned) {
  RestartHeader written = header();
  written.step = 9;
  written.time_reduction = Reduction::average;
  written.truth = {{"dt_true", 2}, {"area", 1}};
  written.weights = "area";
  written.learning = {true, 7, 3, 2, R"({"network": "mlp"})"};
  written.kinds = {Real::float64, Real::float32, Real::float32};
  const auto bytes = [](std::initializer_list<int> values) {
    std::vector<std::byte> all;
    for (const int value : values) all.push_back(static_cast<std::byte>(value));
    return all;
  };
  const RestartBlock weight{
      "learned/parameters/0.weight", ElementKind::real32, {2, 1}, bytes({1, 0, 192, 127, 0, 0, 0, 128})};
  const RestartBlock steps{"learned/steps", ElementKind::int64, {}, bytes({7, 0, 0, 0, 0, 0, 0, 128})};
  const RestartBlock empty{"lessons/chunks/12/in", ElementKind::real64, {0, 3}, {}};
  const std::vector<double> rows(10, 0.5);

  const auto writer = store_->create("cut", written);
  for (const RestartArray& array : reduction_arrays(written)) {
    writer->write(array, 0, 5, reinterpret_cast<const std::byte*>(rows.data()));
  }
  for (const RestartBlock& block : {weight, steps, empty}) writer->write(block);
  writer->finish();
  publish();
  const auto reader = store_->open({"cut", "atmosphere", "convection"});
  const auto learned = reader->read_blocks("learned"), chunk = reader->read_blocks("lessons/chunks/12");

  const RestartHeader& found = reader->header();
  EXPECT_EQ(restart_mismatch(found, written), "");
  EXPECT_EQ(found.kinds, written.kinds);
  EXPECT_EQ(found.learning.exchanges, 7);
  EXPECT_EQ(found.learning.summed, 3);
  EXPECT_EQ(found.learning.parts, 2);
  EXPECT_EQ(found.learning.network, written.learning.network);
  ASSERT_EQ(learned.size(), 2u);
  EXPECT_EQ(learned[0].name, "parameters/0.weight");
  EXPECT_EQ(learned[0].kind, weight.kind);
  EXPECT_EQ(learned[0].shape, weight.shape);
  EXPECT_EQ(learned[0].bytes, weight.bytes);
  EXPECT_EQ(learned[1].kind, steps.kind);
  EXPECT_TRUE(learned[1].shape.empty());
  EXPECT_EQ(learned[1].bytes, steps.bytes);
  ASSERT_EQ(chunk.size(), 1u);
  EXPECT_EQ(chunk[0].shape, empty.shape);
  EXPECT_TRUE(reader->read_blocks("lessons/chunks/1").empty());
  EXPECT_TRUE(reader->read_blocks("elsewhere/chunks/1").empty());
}

TEST_F(RestartStoreTest, KeepsTheLearningOfANetworkWithoutTargets) {
  RestartHeader written = header();
  written.learning = {true, 7, 3, 2, "{}"};

  write_file(written, 100);
  publish();
  const RestartHeader found = store_->open({"cut", "atmosphere", "convection"})->header();

  EXPECT_EQ(restart_mismatch(found, written), "");
  EXPECT_EQ(found.learning.summed, 3);
}

TEST_F(RestartStoreTest, LeavesTheOldSetWholeUntilTheNewOneIsPublished) {
  write_file(header(), 100);
  publish();

  store_->create("cut", header());  // and never finished
  EXPECT_EQ(first_id(), 100);
  write_file(header(), 200);
  EXPECT_EQ(first_id(), 100);
  publish();

  EXPECT_EQ(first_id(), 200);
  EXPECT_FALSE(fs::exists(sets_ / "atmosphere.partial"));
  EXPECT_FALSE(fs::exists(sets_ / "atmosphere.old"));
}

// The state that a kill between the two renames of publish leaves.
TEST_F(RestartStoreTest, FindsTheOldSetWhenTheSwitchWasCutOff) {
  write_file(header(), 100);
  publish();
  write_file(header(), 200);
  fs::rename(sets_ / "atmosphere", sets_ / "atmosphere.old");

  EXPECT_EQ(first_id(), 100);
  write_file(header(), 300);
  EXPECT_EQ(first_id(), 100);
  publish();

  EXPECT_EQ(first_id(), 300);
  EXPECT_FALSE(fs::exists(sets_ / "atmosphere.old"));
}

TEST_F(RestartStoreTest, PublishesNothingOfAnotherPlan) {
  write_file(header("radiation"), 100);
  write_file(header(), 200);
  publish();

  EXPECT_THAT(message_of([&] { first_id("radiation"); }), HasSubstr("has no file of network \"radiation\""));
  EXPECT_EQ(first_id(), 200);
}

TEST_F(RestartStoreTest, KeepsComponentsApart) {
  RestartHeader ocean = header();
  ocean.component = "ocean.deep/1";
  write_file(header(), 100);
  publish();
  write_file(ocean, 300);
  store_->publish("cut", ocean.component, {"convection"});

  EXPECT_EQ(first_id(), 100);
  EXPECT_EQ(store_->open({"cut", ocean.component, "convection"})->header().component, ocean.component);
}

TEST_F(RestartStoreTest, NamesTheSetsThatThereAre) {
  write_file(header(), 100);
  publish();

  EXPECT_THAT(message_of([&] {
                store_->open({"cutt", "atmosphere", "convection"});
              }),
              AllOf(HasSubstr("no restart set \"cutt\""), HasSubstr("which holds: cut")));
}

TEST_F(RestartStoreTest, RefusesFilesThatAreCutShortOrSomethingElse) {
  const fs::path file = sets_ / "atmosphere" / "convection.h5";
  write_file(header(), 100);
  publish();
  fs::resize_file(file, fs::file_size(file) - 100);
  EXPECT_THAT(message_of([&] { first_id(); }),
              AllOf(HasSubstr("cannot read " + file.string()), HasSubstr("truncated")));

  std::ofstream(file) << "no HDF5";
  EXPECT_THAT(message_of([&] { first_id(); }), HasSubstr("cannot read " + file.string()));
}

TEST_F(RestartStoreTest, NamesFolderAndCauseWhereNothingCanBeWritten) {
  std::ofstream(folder_.string()) << "a file";

  EXPECT_THAT(message_of([&] { write_file(header(), 1); }),
              AllOf(HasSubstr(sets_.string()), HasSubstr("Not a directory")));
}

// A limit on the size of files stands for a full disk.
TEST_F(RestartStoreTest, NamesFileAndCauseWhenTheDiskIsFull) {
  write_file(header(), 100);
  publish();
  RestartHeader large = header();
  large.points = 100000;
  const std::vector<std::int64_t> ids(100000, 7);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);

  const std::string message = message_of([&] {
    const auto writer = store_->create("cut", large);
    writer->write(ids_array(), 0, large.points, reinterpret_cast<const std::byte*>(ids.data()));
    writer->finish();
  });

  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(message, AllOf(HasSubstr("convection.h5"), HasSubstr("File too large")));
  EXPECT_EQ(first_id(), 100);
}

TEST(RestartHeader, HoldsOutputsOnlyUntilTheNextExchange) {
  RestartHeader header;
  header.period = 3;
  header.time_reduction = Reduction::average;
  const std::int64_t kept[] = {0, 1, 1, 0, 1, 1, 0};
  const std::int64_t reduced[] = {0, 0, 1, 2, 0, 1, 2};

  for (header.step = 1; header.step <= 7; ++header.step) {
    EXPECT_EQ(header.exchanges_kept(), kept[header.step - 1]) << header.step;
    EXPECT_EQ(header.steps_reduced(), reduced[header.step - 1]) << header.step;
  }
}

TEST(RestartHeader, WithLagAlwaysHoldsTheOutputsToCome) {
  RestartHeader header;
  header.period = 3;
  header.lag = 1;
  header.outputs = {{"dt", 2}};
  const std::int64_t kept[] = {0, 1, 1, 1, 2, 2, 1};

  for (header.step = 1; header.step <= 7; ++header.step) {
    EXPECT_EQ(header.exchanges_kept(), kept[header.step - 1]) << header.step;
  }
  header.step = 5;
  EXPECT_EQ(output_arrays(header, 0).at(0).name, "outputs/dt");
  EXPECT_EQ(output_arrays(header, 1).at(0).name, "next_outputs/dt");
  header.step = 4;
  EXPECT_EQ(output_arrays(header, 0).at(0).name, "next_outputs/dt");
}

TEST(RestartHeader, TellsAllThatDiffers) {
  RestartHeader set, plan;
  set.inputs = {{"t", 5}};
  plan.inputs = {{"t", 4}, {"q", 1}};
  plan.wire = Real::float64;
  plan.points = 7;

  EXPECT_EQ(restart_mismatch(set, set), "");
  EXPECT_EQ(restart_mismatch(set, plan),
            "points 0 there, 7 here; inputs t (5 levels) there, t (4 levels), q (1 level) here; wire "
            "float32 there, float64 here");
}

TEST(RestartHeader, LetsTrainingBeginButNotEnd) {
  RestartHeader without, with, other;
  with.learning.given = true;
  with.truth = {{"dt_true", 2}, {"area", 1}};
  with.weights = "area";
  other = with;
  other.truth = {{"dt_true", 2}};
  other.weights = "";

  EXPECT_EQ(restart_mismatch(without, with), "");
  EXPECT_EQ(restart_mismatch(with, without), "training given there, none here");
  EXPECT_EQ(restart_mismatch(with, other),
            "fields of training dt_true (2 levels), area (1 level) there, dt_true (2 levels) here; weights area there, "
            "none here");
}

TEST(RestartHeader, ReducesTargetsButNotWeights) {
  RestartHeader header;
  header.period = 3;
  header.step = 3;
  header.time_reduction = Reduction::average;
  header.inputs = {{"t", 1}};
  header.truth = {{"t_true", 1}, {"area", 1}};
  header.weights = "area";

  const std::vector<RestartArray> arrays = reduction_arrays(header);

  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].name, "reductions/t");
  EXPECT_EQ(arrays[1].name, "truth_reductions/t_true");
}

TEST(RestartMoment, IsOneForAllNetworksAndComponents) {
  Plan plan;
  plan.resume = "cut";
  plan.components.resize(3);
  plan.components[0].name = "atmosphere";
  plan.components[0].timestep = 600000000;
  plan.components[1].name = "ocean";
  plan.components[1].timestep = 1800000000;
  plan.components[2].name = "timeless";

  EXPECT_EQ(
      restart_discord(plan, {{"atmosphere", {{"a", 7}, {"b", 7}}}, {"ocean", {{"c", 3}}}, {"timeless", {{"d", 99}}}}),
      "");
  EXPECT_THAT(restart_discord(plan, {{"atmosphere", {{"a", 7}, {"b", 8}}}}),
              AllOf(HasSubstr("network \"a\""), HasSubstr("step 7"), HasSubstr("\"b\""), HasSubstr("step 8")));
  EXPECT_THAT(restart_discord(plan, {{"atmosphere", {{"a", 7}}}, {"ocean", {{"c", 4}}}}),
              AllOf(HasSubstr("\"atmosphere\" goes on at step 7"), HasSubstr("\"ocean\" at step 4")));
}

}  // namespace
}  // namespace ekman
