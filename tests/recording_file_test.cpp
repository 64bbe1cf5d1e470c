// Recordings on disk: what is written is read, bit for bit; a process that is killed, or finds the disk full, loses the
// record that it was writing at most.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "adapters/hdf5/recording_store.hpp"
#include "ekman/error.hpp"
#include "tests/message_of.hpp"

namespace {

// The process ends in this one of its calls of pwrite, the first being 1; 0: in none.
int fatal_write = 0;
int writes = 0;
int writes_across_pages = 0;

}  // namespace

// HDF5 writes with this one. The fatal write ends as the kernel ends one of a process that is killed: between two pages
// of the file.
extern "C" ssize_t pwrite(int file, const void* bytes, size_t count, off_t place) {
  constexpr off_t k_page = 4096;
  const bool fatal = ++writes == fatal_write;
  const off_t next_page = (place / k_page + 1) * k_page;
  const bool across = next_page < place + static_cast<off_t>(count);
  writes_across_pages += across ? 1 : 0;
  if (fatal) count = across ? next_page - place : 0;
  const ssize_t written = ::syscall(SYS_pwrite64, file, bytes, count, place);
  if (fatal) ::raise(SIGKILL);
  return written;
}

namespace ekman {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RecordingFileTest : public ::testing::Test {
 protected:
  RecordingFileTest() {
    if (const char* keep = std::getenv("EKMAN_KEEP_RECORDINGS")) folder_ = keep;
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~RecordingFileTest() override {
    if (std::getenv("EKMAN_KEEP_RECORDINGS") == nullptr) fs::remove_all(folder_);
  }

  // Chunks 1 and 4 of 3 points, the last of which is the network's last one, with 2 points.
  static RecordingHeader header() {
    RecordingHeader header;
    header.component = "atmosphere";
    header.network = "convection";
    header.clock.timestep = 1800 * k_microseconds_per_second;
    const CalendarKind kind = CalendarKind::proleptic_gregorian;
    header.clock.calendar = {true, kind, *parse_date(kind, "2000-02-15")};
    header.chunk = 3;
    header.fields = {{"t", 2, "K"}, {"ps", 1, "Pa"}, {"tracer", 2, ""}};
    header.chunks = {1, 4};
    header.ids = {10, 11, 5000000000, 5000000010, 5000000011};
    header.longitude = {0, 90, 180, 270, 359.5};
    header.latitude = {-90, -45, 0, 45, 90};
    return header;
  }

  // A value that tells where it belongs.
  template <class Value>
  static Value value(std::int64_t step, std::int64_t field, std::int64_t row, std::int64_t level) {
    return static_cast<Value>(1000 * step + 100 * field + 10 * row + level) / 7;
  }

  template <class Value>
  static std::vector<Value> rows(const RecordingHeader& header, std::int64_t step, std::int64_t field,
                                 std::int64_t place) {
    std::vector<Value> values;
    for (std::int64_t row = 0; row < header.rows_of(place); ++row)
      for (std::int64_t level = 0; level < header.fields[field].levels; ++level)
        values.push_back(value<Value>(step, field, header.first_row(place) + row, level));
    return values;
  }

  template <class Value>
  static void write_record(RecordingWriter& writer, const RecordingHeader& header, const Record& record) {
    for (std::size_t place = header.chunks.size(); place-- > 0;)  // chunks come in any order
      for (std::size_t field = 0; field < header.fields.size(); ++field)
        writer.write(field, place,
                     reinterpret_cast<const std::byte*>(rows<Value>(header, record.step, field, place).data()));
    writer.end_record(record);
  }

  template <class Value>
  static void expect_records(const RecordingReader& reader, const RecordingHeader& header) {
    for (std::size_t record = 0; record < reader.records().size(); ++record) {
      for (std::size_t field = 0; field < header.fields.size(); ++field) {
        for (std::size_t place = 0; place < header.chunks.size(); ++place) {
          const std::vector<Value> wanted = rows<Value>(header, reader.records()[record].step, field, place);
          std::vector<Value> found(wanted.size());
          reader.read(record, field, place, reinterpret_cast<std::byte*>(found.data()));
          ASSERT_EQ(std::memcmp(found.data(), wanted.data(), wanted.size() * sizeof(Value)), 0)
              << record << ' ' << field << ' ' << place;
        }
      }
    }
  }

  // Runs `work` in a process of its own, up to its end.
  template <class Work>
  static pid_t start(Work work) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    work();
    ::_exit(0);
  }

  fs::path folder_ = fs::temp_directory_path() / ("ekman_recording_" + std::to_string(::getpid()));
  std::string path_ = (folder_ / "recording.h5").string();
  std::unique_ptr<RecordingStore> store_ = make_hdf5_recording_store();
};

TEST_F(RecordingFileTest, ReadsBackTheHeader) {
  RecordingHeader written = header();
  written.sample = Sample::grid;
  written.grid_ny = 1;
  written.grid_nx = 2;
  written.chunk = 2;
  written.fields[0].name = "time";       // is taken
  written.fields[2].name = "dq/dt now";  // no name of netCDF
  store_->create(path_, written)->finish();

  const RecordingHeader found = store_->open(path_)->header();

  EXPECT_EQ(found.component, "atmosphere");
  EXPECT_EQ(found.network, "convection");
  EXPECT_EQ(found.clock.name(48), "step 48 (2000-02-16T00:00:00)");
  EXPECT_EQ(found.sample, Sample::grid);
  EXPECT_EQ(found.grid_ny, 1);
  EXPECT_EQ(found.grid_nx, 2);
  EXPECT_EQ(found.chunk, 2);
  EXPECT_EQ(found.wire, Real::float32);
  ASSERT_EQ(found.fields.size(), 3u);
  EXPECT_EQ(found.fields[0].name, "time");
  EXPECT_EQ(found.fields[0].levels, 2);
  EXPECT_EQ(found.fields[0].units, "K");
  EXPECT_EQ(found.fields[1].levels, 1);
  EXPECT_EQ(found.fields[2].name, "dq/dt now");
  EXPECT_EQ(found.fields[2].units, "");
  EXPECT_EQ(found.chunks, written.chunks);
  EXPECT_EQ(found.ids, written.ids);
  EXPECT_EQ(found.longitude, written.longitude);
  EXPECT_EQ(found.latitude, written.latitude);
}

TEST_F(RecordingFileTest, KeepsEveryBitInEitherKind) {
  for (const Real wire : {Real::float32, Real::float64}) {
    const std::string path = (folder_ / (wire == Real::float32 ? "float32.h5" : "float64.h5")).string();
    RecordingHeader written = header();
    written.wire = wire;
    const auto writer = store_->create(path, written);
    for (const Record& record : {Record{1, 0}, Record{3, 1}, Record{5, 2}}) {
      if (wire == Real::float32) write_record<float>(*writer, written, record);
      if (wire == Real::float64) write_record<double>(*writer, written, record);
    }
    writer->finish();

    const auto reader = store_->open(path);

    EXPECT_EQ(reader->header().wire, wire);
    ASSERT_EQ(reader->records().size(), 3u);
    EXPECT_EQ(reader->records()[2].step, 5);
    EXPECT_EQ(reader->records()[2].exchange, 2);
    if (wire == Real::float32) expect_records<float>(*reader, written);
    if (wire == Real::float64) expect_records<double>(*reader, written);
  }
}

TEST_F(RecordingFileTest, IsNamedOnceItIsWhole) {
  const auto writer = store_->create(path_, header());
  write_record<float>(*writer, header(), {1, 0});
  const bool early = fs::exists(path_);

  writer->finish();

  EXPECT_FALSE(early);
  EXPECT_TRUE(fs::exists(path_));
  EXPECT_FALSE(fs::exists(path_ + ".part"));
}

TEST_F(RecordingFileTest, RefusesToWriteOverAFile) {
  store_->create(path_, header())->finish();

  const std::string message = message_of([&] { store_->create(path_, header()); });

  EXPECT_THAT(message, AllOf(HasSubstr(path_), HasSubstr("there already; remove it")));
}

// Killed as soon as its name can be seen.
TEST_F(RecordingFileTest, CanBeReadFromTheMomentItHasAName) {
  for (int i = 0; i < 20; ++i) {
    const std::string path = (folder_ / ("born" + std::to_string(i))).string();
    const pid_t child = start([&] {
      const auto writer = store_->create(path, header());
      ::pause();
    });
    while (!fs::exists(path + ".part")) {
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);

    EXPECT_TRUE(store_->open(path + ".part")->records().empty());
    EXPECT_FALSE(fs::exists(folder_ / (".born" + std::to_string(i) + ".begun")));
  }
}

TEST_F(RecordingFileTest, TakesThePlaceOfOneThatWasKilledBeforeItHadAName) {
  const fs::path path = path_;
  std::ofstream(path.parent_path() / ("." + path.filename().string() + ".begun")) << "no HDF5";

  const auto writer = store_->create(path_, header());
  write_record<float>(*writer, header(), {1, 0});
  writer->finish();

  EXPECT_EQ(store_->open(path_)->records().size(), 1U);
}

// Killed while it writes, at whatever place it is: what it has told to be written is there, and right.
TEST_F(RecordingFileTest, KeepsAllRecordsButTheLastOfAKilledProcess) {
  for (const int told : {1, 2, 40, 600}) {  // more than a block of times
    const std::string path = (folder_ / ("killed" + std::to_string(told))).string();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = start([&] {
      const auto writer = store_->create(path, header());
      for (std::int64_t step = 1;; ++step) {
        write_record<float>(*writer, header(), {step, step - 1});
        if (::write(ends[1], "r", 1) != 1) ::_exit(1);
      }
    });
    char told_byte = 0;
    for (int i = 0; i < told; ++i) ASSERT_EQ(::read(ends[0], &told_byte, 1), 1);

    ASSERT_EQ(::kill(child, SIGKILL), 0);

    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(ends[0]);
    ::close(ends[1]);
    const auto reader = store_->open(path + ".part");
    EXPECT_GE(reader->records().size(), static_cast<std::size_t>(told));
    for (std::size_t i = 0; i < reader->records().size(); ++i) {
      EXPECT_EQ(reader->records()[i].step, static_cast<std::int64_t>(i) + 1);
    }
    expect_records<float>(*reader, header());
  }
}

// In each of its writes, one after the other.
TEST_F(RecordingFileTest, KeepsAllRecordsWhicheverWriteAKillEnds) {
  constexpr std::int64_t k_records = 40;  // of two blocks each: more than one node of an index holds
  void* memory = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* told = static_cast<volatile std::int64_t*>(memory);
  int killed = 0;
  for (int status = 0; !WIFEXITED(status) || killed == 0; ++killed) {
    const std::string path = path_ + std::to_string(killed);
    *told = 0;
    const pid_t child = start([&] {
      const auto writer = store_->create(path, header());
      writes = 0;
      fatal_write = killed + 1;
      for (std::int64_t step = 1; step <= k_records; ++step) {
        write_record<float>(*writer, header(), {step, step - 1});
        *told = step;
      }
    });
    ASSERT_EQ(::waitpid(child, &status, 0), child);

    const auto reader = store_->open(path + ".part");

    ASSERT_GE(static_cast<std::int64_t>(reader->records().size()), *told) << "write " << killed + 1;
    for (std::size_t i = 0; i < reader->records().size(); ++i)
      ASSERT_EQ(reader->records()[i].step, static_cast<std::int64_t>(i) + 1);
    ASSERT_NO_FATAL_FAILURE(expect_records<float>(*reader, header()));
    fs::remove(path + ".part");
  }
  EXPECT_EQ(*told, k_records);
  EXPECT_GT(killed, 5 * k_records);
  ::munmap(memory, sizeof(std::int64_t));
}

// Its fields' blocks are smaller than a page; what HDF5 keeps to find them must be too, however many there are.
TEST_F(RecordingFileTest, WritesNothingOfALongRecordingAcrossPages) {
  RecordingHeader many;
  many.component = "atmosphere";
  many.network = "convection";
  many.clock.timestep = 1800 * k_microseconds_per_second;
  many.chunk = 1;
  many.fields = {{"ps", 1, "Pa"}};
  many.chunks.resize(500);
  std::iota(many.chunks.begin(), many.chunks.end(), 0);
  many.ids = many.chunks;
  const auto writer = store_->create(path_, many);
  writes = writes_across_pages = 0;

  for (std::int64_t step = 1; step <= 20; ++step) write_record<float>(*writer, many, {step, step - 1});

  EXPECT_GT(writes, 10000);
  EXPECT_EQ(writes_across_pages, 0);
}

TEST_F(RecordingFileTest, KeepsWhatWasWrittenBeforeTheDiskWasFull) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = start([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{60000, 60000};
    if (::setrlimit(RLIMIT_FSIZE, &small) != 0) ::_exit(1);
    std::int64_t step = 1;
    const std::string message = message_of([&] {
      const auto writer = store_->create(path_, header());
      for (;; ++step) write_record<float>(*writer, header(), {step, step - 1});
    });
    const bool said = message.find("File too large") != std::string::npos;
    if (!said || ::write(ends[1], &step, sizeof step) != sizeof step) ::_exit(1);
  });
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  std::int64_t failed = 0;
  ASSERT_EQ(::read(ends[0], &failed, sizeof failed), static_cast<ssize_t>(sizeof failed));
  ::close(ends[0]);
  ::close(ends[1]);

  const auto reader = store_->open(path_ + ".part");

  EXPECT_GT(failed, 2);
  EXPECT_GE(static_cast<std::int64_t>(reader->records().size()), failed - 1);
  expect_records<float>(*reader, header());
}

TEST_F(RecordingFileTest, SaysWhatIsNoRecording) {
  std::ofstream(path_) << "something else";

  EXPECT_THAT(message_of([&] { store_->open(path_); }), AllOf(HasSubstr(path_), HasSubstr("give a recording")));
  EXPECT_THAT(message_of([&] { store_->open(path_ + "2"); }),
              AllOf(HasSubstr("recording.h52"), HasSubstr("No such file or directory")));
}

}  // namespace
}  // namespace ekman
