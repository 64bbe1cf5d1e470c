// A record is whole before it is written, whatever order chunks and targets come in; a file that fails ends the
// recording and nothing else.
#include "coupler/session/recorder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "ekman/error.hpp"

namespace ekman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// All that was written: of each file its records, of each record the values of each field, chunk after chunk.
struct Written {
  std::string path;
  std::vector<std::vector<std::vector<float>>> records;
  std::vector<std::int64_t> steps;
  bool finished = false;
};

class FakeWriter : public RecordingWriter {
 public:
  FakeWriter(Written& file, const RecordingHeader& header, std::int64_t fails_at)
      : file_(file), header_(header), fails_at_(fails_at) {}
  void write(std::int64_t field, std::int64_t place, const std::byte* values) override {
    values_.resize(header_.fields.size());
    std::vector<float>& all = values_[field];
    all.resize(header_.ids.size() * header_.fields[field].levels);
    const std::int64_t levels = header_.fields[field].levels;
    std::memcpy(all.data() + header_.first_row(place) * levels, values,
                static_cast<std::size_t>(header_.rows_of(place) * levels) * sizeof(float));
  }
  void end_record(const Record& record) override {
    if (record.step == fails_at_) throw Error(ErrorCode::internal, "the disk is full; make room");
    file_.steps.push_back(record.step);
    file_.records.push_back(std::move(values_));
    values_.clear();
  }
  std::int64_t bytes() const override { return 100 * static_cast<std::int64_t>(file_.records.size()); }
  void finish() override { file_.finished = true; }

 private:
  Written& file_;
  RecordingHeader header_;
  std::int64_t fails_at_;
  std::vector<std::vector<float>> values_;
};

class FakeStore : public RecordingStore {
 public:
  std::unique_ptr<RecordingWriter> create(const std::string& path, const RecordingHeader& header) const override {
    files.push_back(std::make_unique<Written>());
    files.back()->path = path;
    return std::make_unique<FakeWriter>(*files.back(), header, fails_at);
  }
  std::unique_ptr<RecordingReader> open(const std::string&) const override { return nullptr; }

  mutable std::vector<std::unique_ptr<Written>> files;
  std::int64_t fails_at = -1;
};

// Two chunks of 2 points, the last of which has 1; inputs t(2) and s, output q, target q_true, weights w, and x for a
// loss. Every row has all fields of its direction, value by value: step, direction, point.
class RecorderTest : public ::testing::Test {
 protected:
  RecorderTest() {
    spec_.name = "net";
    spec_.component = "air";
    spec_.chunk = 2;
    spec_.inputs = {{{"t", "s"}, Combine::concat}};
    spec_.outputs = {{{"q"}, Combine::concat}};
    spec_.training.given = true;
    spec_.training.targets = {{"q", "q_true"}};
    spec_.training.weights = "w";
    LossTerm own;
    own.kind = LossKind::method;
    own.extra = {"x"};
    spec_.training.loss = {own};
    plan_.record.given = true;
    route_.points = 3;
    route_.chunks = {0, 1};
    route_.ids = {5, 6, 9, -1};
    route_.in.layout = make_row_layout(spec_.inputs, {2, 1});
    route_.results.layout = make_row_layout(spec_.outputs, {1});
    route_.truth.layout = make_row_layout({{truth_fields_of(spec_), Combine::concat}}, {1, 1, 1});
    route_.in.row_bytes = 3 * sizeof(float);
    route_.results.row_bytes = sizeof(float);
    route_.truth.row_bytes = 3 * sizeof(float);
  }

  Recorder make(std::int64_t period = 1) {
    const std::vector<std::string> fields = recorded_fields_of(plan(), spec_);
    RouteDescription description;
    description.units.resize(fields.size());
    return Recorder(route_, spec_, {&store_, plan_.record, RecordingNames(plan_, spec_), fields, description, 4, 0, 0},
                    {}, period, state_);
  }

  const Plan& plan() {
    plan_.networks = {spec_};
    return plan_;
  }

  // Row after row: 100 * step + 10 * point + value.
  std::vector<float> rows(std::int64_t slot, std::int64_t step, int len, float shift) const {
    std::vector<float> values;
    for (std::int64_t row = 0; row < spec_.chunk; ++row)
      for (int i = 0; i < len; ++i)
        values.push_back(static_cast<float>(100 * step + 10 * (spec_.chunk * slot + row) + i) + shift);
    return values;
  }

  void results(Recorder& recorder, std::int64_t slot, std::int64_t step) {
    recorder.take_results(slot, step, reinterpret_cast<const std::byte*>(rows(slot, step, 3, 0).data()),
                          reinterpret_cast<const std::byte*>(rows(slot, step, 1, 0.25F).data()));
  }
  void truth(Recorder& recorder, std::int64_t slot, std::int64_t step) {
    recorder.take_truth(slot, step, reinterpret_cast<const std::byte*>(rows(slot, step, 3, 0.5F).data()));
  }

  NetworkSpec spec_;
  Plan plan_;
  Route route_;
  FakeStore store_;
  StateWriter state_;
};

TEST_F(RecorderTest, WritesARecordWhenAllChunksHaveAll) {
  Recorder recorder = make();

  truth(recorder, 1, 1);
  results(recorder, 1, 1);
  results(recorder, 0, 1);
  results(recorder, 1, 2);  // of the next exchange already
  const bool early = !store_.files.empty();
  truth(recorder, 0, 1);
  recorder.finish();

  EXPECT_FALSE(early);
  ASSERT_EQ(store_.files.size(), 1u);
  const Written& file = *store_.files[0];
  EXPECT_EQ(file.path, "./recording-net-4-0000.h5");
  EXPECT_TRUE(file.finished);
  ASSERT_THAT(file.steps, ElementsAre(1));
  const auto& fields = file.records[0];
  ASSERT_EQ(fields.size(), 6u);
  EXPECT_THAT(fields[0], ElementsAre(100, 101, 110, 111, 120, 121));  // t
  EXPECT_THAT(fields[1], ElementsAre(102, 112, 122));                 // s
  EXPECT_THAT(fields[2], ElementsAre(100.25, 110.25, 120.25));        // q
  EXPECT_THAT(fields[3], ElementsAre(100.5, 110.5, 120.5));           // q_true
  EXPECT_THAT(fields[4], ElementsAre(101.5, 111.5, 121.5));           // w
  EXPECT_THAT(fields[5], ElementsAre(102.5, 112.5, 122.5));           // x
}

TEST_F(RecorderTest, PutsLateTargetsBesideTheInputsTheyBelongTo) {
  spec_.training.delay = 2;
  Recorder recorder = make();

  for (std::int64_t step = 1; step <= 4; ++step) {
    for (const std::int64_t slot : {0, 1}) {
      results(recorder, slot, step);
      truth(recorder, slot, step);
    }
  }
  recorder.finish();

  ASSERT_EQ(store_.files.size(), 1u);
  ASSERT_THAT(store_.files[0]->steps, ElementsAre(1, 2));
  const auto& fields = store_.files[0]->records[1];
  EXPECT_THAT(fields[1], ElementsAre(202, 212, 222));        // s
  EXPECT_THAT(fields[3], ElementsAre(400.5, 410.5, 420.5));  // q_true
  EXPECT_THAT(fields[4], ElementsAre(401.5, 411.5, 421.5));  // w
  EXPECT_THAT(fields[5], ElementsAre(202.5, 212.5, 222.5));  // x
}

TEST_F(RecorderTest, KnowsWhetherItNeedsOutputs) {
  const bool all = make().records_outputs();
  plan_.record.fields = {"t", "q_true"};
  const bool without = make().records_outputs();

  EXPECT_TRUE(all);
  EXPECT_FALSE(without);
}

TEST_F(RecorderTest, CountsExchangesByTheStepsOfTheModel) {
  spec_.training = {};
  plan_.record.every = 2;
  plan_.record.fields = {"s"};
  Recorder recorder = make(3);

  for (const std::int64_t step : {7, 10, 13}) {  // exchanges 2, 3 and 4
    results(recorder, 1, step);
    results(recorder, 0, step);
  }
  recorder.finish();

  ASSERT_EQ(store_.files.size(), 1u);
  EXPECT_THAT(store_.files[0]->steps, ElementsAre(7, 13));
  EXPECT_THAT(store_.files[0]->records[1][0], ElementsAre(1302, 1312, 1322));
}

TEST_F(RecorderTest, BeginsANewFileAndStopsAtItsBound) {
  spec_.training = {};
  plan_.record.records_per_file = 2;
  plan_.record.max_bytes = 550;
  Recorder recorder = make();

  for (std::int64_t step = 1; step <= 9; ++step)
    for (const std::int64_t slot : {0, 1}) results(recorder, slot, step);
  recorder.finish();

  ASSERT_EQ(store_.files.size(), 3u);
  EXPECT_THAT(store_.files[1]->steps, ElementsAre(3, 4));
  EXPECT_THAT(store_.files[1]->path, HasSubstr("-0001.h5"));
  EXPECT_THAT(store_.files[2]->steps, ElementsAre(5));
  for (const auto& file : store_.files) EXPECT_TRUE(file->finished);
}

TEST_F(RecorderTest, GoesOnWithoutAFileThatFails) {
  spec_.training = {};
  store_.fails_at = 3;
  Recorder recorder = make();

  ::testing::internal::CaptureStderr();
  for (std::int64_t step = 1; step <= 9; ++step)
    for (const std::int64_t slot : {0, 1}) results(recorder, slot, step);
  recorder.finish();
  const std::string said = ::testing::internal::GetCapturedStderr();

  ASSERT_EQ(store_.files.size(), 1u);
  EXPECT_THAT(store_.files[0]->steps, ElementsAre(1, 2));
  EXPECT_THAT(said, HasSubstr("recording stops after 2 records, the run goes on: the disk is full; make room"));
}

}  // namespace
}  // namespace ekman
