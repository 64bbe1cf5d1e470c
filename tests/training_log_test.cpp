// The log of learning: a table that a break does not show in, and a live line that gives way to other lines.
#include "coupler/session/training_log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>

#include "coupler/base/log.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();

StepReport report_of(std::int64_t step) {
  StepReport report;
  report.step = step;
  report.loss = 1.0 / static_cast<double>(step);
  report.terms = {0.25, report.loss / 3.0};
  report.validation_loss = step % 2 == 0 ? 0.5 : k_nan;
  report.learning_rate = 1e-3;
  report.gradient_norm = 2.0;
  report.made = true;
  return report;
}

// stderr is `descriptor` as long as this lives.
class StderrIs {
 public:
  explicit StderrIs(int descriptor) : old_(::dup(STDERR_FILENO)) { ::dup2(descriptor, STDERR_FILENO); }
  StderrIs(const StderrIs&) = delete;
  StderrIs& operator=(const StderrIs&) = delete;
  ~StderrIs() {
    ::dup2(old_, STDERR_FILENO);
    ::close(old_);
  }

 private:
  int old_;
};

class TrainingLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setting_.network = "convection";
    setting_.csv = (folder_ / "logs/training.csv").string();
    setting_.terms = {"mse(heating)", "huber(a,\"b\")"};
  }
  void TearDown() override {
    if (mounted_) ::umount(folder_.c_str());
    fs::remove_all(folder_);
  }

  TrainingLogSetting from(std::int64_t step) const {
    TrainingLogSetting setting = setting_;
    setting.first_step = step;
    return setting;
  }
  // Steps [first, last], with a second and 100 samples for each.
  void run(TrainingLog& log, std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step <= last; ++step) {
      now_ += 1.0;
      log.add(report_of(step), {2 * step, step - 1, 100});
    }
  }
  std::function<double()> clock() {
    return [this] { return now_; };
  }
  std::string text() const {
    std::ifstream file(setting_.csv, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_ = fs::temp_directory_path() / ("ekman_training_log_" + std::to_string(::getpid()));
  TrainingLogSetting setting_;
  double now_ = 50.0;
  bool mounted_ = false;
};

const char* const k_header =
    "step,model_time,exchange,loss,loss mse(heating),\"loss huber(a,\"\"b\"\")\",validation_loss,learning_rate,"
    "gradient_norm,samples_per_second\r\n";

TEST_F(TrainingLogTest, HasARowForEachStepAtOnce) {
  TrainingLog log(setting_, clock());
  EXPECT_EQ(text(), k_header);
  run(log, 1, 1);
  EXPECT_EQ(text(), k_header + std::string("1,2,0,1,0.25,0.3333333333333333,,0.001,2,100.0\r\n"));
  run(log, 2, 2);
  EXPECT_THAT(text(), testing::EndsWith("2,4,1,0.5,0.25,0.16666666666666666,0.5,0.001,2,100.0\r\n"));
}

TEST_F(TrainingLogTest, TellsDatesWhereThereIsACalendar) {
  setting_.clock.calendar.given = true;
  setting_.clock.calendar.start = *parse_date(CalendarKind::proleptic_gregorian, "2000-01-01");
  setting_.clock.timestep = 1800 * k_microseconds_per_second;
  TrainingLog log(setting_, clock());
  run(log, 1, 1);
  EXPECT_THAT(text(), HasSubstr("\r\n1,2000-01-01T01:00:00,0,"));
}

TEST_F(TrainingLogTest, OfARunThatGoesOnIsThatOfOneWithoutABreak) {
  {
    TrainingLog log(setting_, clock());
    run(log, 1, 12);
  }
  const std::string expected = text();
  for (const std::int64_t kept : {12, 10, 7, 1}) {
    std::ofstream(setting_.csv, std::ios::binary | std::ios::app) << "13,26,12,0.07";  // killed in a row
    TrainingLog log(from(kept), clock());
    run(log, kept + 1, 12);
    EXPECT_EQ(text(), expected) << "from step " << kept;
  }
  fs::resize_file(setting_.csv, 30);  // killed in the header
  TrainingLog log(from(3), clock());
  EXPECT_EQ(text(), k_header);
}

TEST_F(TrainingLogTest, BeginsAnewForARunThatStartsAfresh) {
  {
    TrainingLog log(setting_, clock());
    run(log, 1, 12);
  }
  TrainingLog log(setting_, clock());
  EXPECT_EQ(text(), k_header);
}

TEST_F(TrainingLogTest, DoesNotGoOnUnderOtherColumns) {
  {
    TrainingLog log(setting_, clock());
    run(log, 1, 3);
  }
  const std::string before = text();
  setting_.terms.pop_back();
  try {
    TrainingLog log(from(3), clock());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    EXPECT_THAT(error.what(), HasSubstr(setting_.csv + ", which has other columns"));
  }
  EXPECT_EQ(text(), before);
}

TEST_F(TrainingLogTest, SaysAtStartThatItCannotBeWritten) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / "logs") << "no directory";
  try {
    TrainingLog log(setting_, clock());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be written to " + setting_.csv + ": Not a directory"));
  }
}

TEST_F(TrainingLogTest, GoesOnWhenTheDiskIsFullAndSaysSoOnce) {
  fs::create_directories(folder_);
  mounted_ = ::mount("none", folder_.c_str(), "tmpfs", 0, "size=16k") == 0;
  if (!mounted_) GTEST_SKIP() << "mounting is not allowed here: a full disk was NOT tested";
  std::string said;
  {
    testing::internal::CaptureStderr();
    TrainingLog log(setting_, clock());
    run(log, 1, 500);
    said = testing::internal::GetCapturedStderr();
    const std::string full = text();
    EXPECT_THAT(full, testing::EndsWith("\r\n")) << "no row in half";
    EXPECT_LT(std::count(full.begin(), full.end(), '\n'), 400);
  }
  EXPECT_THAT(said, HasSubstr("training.csv: No space left on device; learning goes on"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(TrainingLogTest, WarnsOfStepsThatWereNoNumber) {
  TrainingLog log(setting_, clock());
  StepReport bad = report_of(4);
  bad.made = false;
  StepReport empty = bad;
  bad.loss = k_nan;
  testing::internal::CaptureStderr();
  for (std::int64_t exchange = 0; exchange < 5; ++exchange) log.add(bad, {exchange + 1, exchange, 10});
  log.add(empty, {6, 5, 0});
  const std::string said = testing::internal::GetCapturedStderr();

  EXPECT_THAT(said, HasSubstr("network \"convection\" has learned nothing in step 1: loss nan, norm of the "
                              "gradient 2 (1 such steps so far)"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << "the first, second and fourth";
  EXPECT_EQ(text(), k_header);
}

TEST_F(TrainingLogTest, TellsTheScaleOfALossInFloat16) {
  setting_.has_scale = true;
  setting_.terms.clear();
  TrainingLog log(setting_, clock());
  StepReport report = report_of(1);
  report.terms.clear();
  report.loss_scale = 65536.0;
  report.gradient_norm = std::numeric_limits<double>::infinity();
  report.made = false;
  report.overflow = true;
  testing::internal::CaptureStderr();
  for (std::int64_t exchange = 0; exchange < 5; ++exchange) log.add(report, {exchange + 1, exchange, 10});
  const std::string said = testing::internal::GetCapturedStderr();
  report.made = true;
  report.overflow = false;
  report.loss_scale = 2048.0;
  log.add(report, {6, 5, 10});

  EXPECT_THAT(said,
              HasSubstr("network \"convection\" made no step in step 1: with its loss times 65536 the gradient was "
                        "too large for float16; the next one takes half of that (1 such steps so far)"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << "the first, second and fourth";
  EXPECT_THAT(said, testing::Not(HasSubstr("warning")));
  EXPECT_THAT(text(), testing::AllOf(HasSubstr(",samples_per_second,loss_scale\r\n"), testing::EndsWith(",2048\r\n")));
}

// What is missing is an empty cell to readers of tables, and no word of a loss on the screen.
TEST_F(TrainingLogTest, LeavesOutALossThatIsInTheComponent) {
  setting_.terms.clear();
  setting_.has_loss = false;
  StepReport report = report_of(2);
  report.loss = report.validation_loss = k_nan;
  report.terms.clear();
  TrainingLog log(setting_, clock());
  now_ += 1.0;
  log.add(report, {4, 1, 100});
  EXPECT_THAT(text(), testing::EndsWith("samples_per_second\r\n2,4,1,,,0.001,2,100.0\r\n"));

  testing::internal::CaptureStderr();
  report.made = false;
  log.add(report, {4, 1, 100});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "nothing is wrong where there was no gradient";
  report.gradient_norm = k_nan;
  testing::internal::CaptureStderr();
  log.add(report, {4, 1, 100});
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("in step 4: norm of the gradient nan (1 such steps so far); see what inputs and adjoints"));
}

TEST(TrainingLogSetting, KnowsThatTheLossOfATapeIsInTheComponent) {
  Plan plan;
  NetworkSpec spec;
  spec.training.loss.resize(1);
  spec.training.loss[0].kind = LossKind::huber;
  spec.training.loss[0].fields = {"heating", "drying"};
  EXPECT_THAT(training_log_setting(plan, spec, 0).terms, ElementsAre("huber(heating drying)"));
  EXPECT_TRUE(training_log_setting(plan, spec, 0).has_loss);

  spec.tape = 2;
  EXPECT_FALSE(training_log_setting(plan, spec, 0).has_loss);
}

TEST_F(TrainingLogTest, IsSilentWhereStderrIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    TrainingLog log(setting_, clock());
    run(log, 1, 10);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// A terminal of 60 columns in place of stderr, and what stands on its screen.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    ::grantpt(master_);
    ::unlockpt(master_);
    slave_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    const winsize size{24, 60, 0, 0};
    ::ioctl(slave_, TIOCSWINSZ, &size);
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
    stderr_ = std::make_unique<StderrIs>(slave_);
  }
  ~Terminal() {
    stderr_.reset();
    ::close(slave_);
    ::close(master_);
  }
  std::vector<std::string> screen() {
    char piece[1 << 14];
    for (ssize_t count = ::read(master_, piece, sizeof piece); count > 0; count = ::read(master_, piece, sizeof piece))
      written_.append(piece, static_cast<std::size_t>(count));
    std::vector<std::string> lines(1);
    std::size_t column = 0;
    for (std::size_t i = 0; i < written_.size(); ++i) {
      std::string& line = lines.back();
      if (written_.compare(i, 3, "\x1b[K") == 0) {
        line.resize(std::min(line.size(), column));
        i += 2;
      } else if (written_[i] == '\r') {
        column = 0;
      } else if (written_[i] == '\n') {
        lines.emplace_back();
      } else {
        line.resize(std::max(line.size(), column + 1));
        line[column++] = written_[i];
      }
    }
    return lines;
  }
  std::int64_t rewritten() {
    screen();
    return std::count(written_.begin(), written_.end(), '\x1b');
  }

 private:
  int master_;
  int slave_ = -1;
  std::unique_ptr<StderrIs> stderr_;
  std::string written_;
};

TEST_F(TrainingLogTest, ShowsALiveLineOnATerminal) {
  setting_.last_step = 3700;
  Terminal terminal;
  {
    TrainingLog log(setting_, clock());
    run(log, 1, 1);
    EXPECT_THAT(terminal.screen(), ElementsAre("ekman: convection: step 1/3700, loss 1, 100 samples/s, 1:01"));
    setting_.network = "c";
    TrainingLog other(setting_, clock());
    run(other, 1, 4);
    EXPECT_THAT(terminal.screen(), ElementsAre("ekman: c: step 4/3700, loss 0.25, 100 samples/s, 1:01:36 le"));
    log_line("warning: something else");
    EXPECT_THAT(terminal.screen(), ElementsAre("ekman: warning: something else", ""));
    run(other, 5, 5);
    EXPECT_THAT(terminal.screen(), ElementsAre("ekman: warning: something else",
                                               "ekman: c: step 5/3700, loss 0.2, 100 samples/s, 1:01:35 lef"));
  }
  EXPECT_THAT(terminal.screen(), ElementsAre("ekman: warning: something else", ""));
}

TEST_F(TrainingLogTest, ShowsNoEndWhereTheScheduleHasNone) {
  Terminal terminal;
  TrainingLog log(setting_, clock());
  run(log, 1, 4);
  EXPECT_THAT(terminal.screen(), ElementsAre("ekman: convection: step 4, loss 0.25, 100 samples/s"));
}

TEST_F(TrainingLogTest, ShowsNoLossThatIsInTheComponent) {
  setting_.has_loss = false;
  Terminal terminal;
  TrainingLog log(setting_, clock());
  run(log, 1, 4);
  EXPECT_THAT(terminal.screen(), ElementsAre("ekman: convection: step 4, 100 samples/s"));
}

TEST_F(TrainingLogTest, RewritesTheLiveLineFiveTimesASecondAtMost) {
  Terminal terminal;
  TrainingLog log(setting_, clock());
  for (std::int64_t step = 1; step <= 1000; ++step) {
    now_ += 0.002;
    log.add(report_of(step), {step, step - 1, 100});
  }
  EXPECT_LE(terminal.rewritten(), 11) << "in two seconds";
  EXPECT_GE(terminal.rewritten(), 9);
  EXPECT_THAT(terminal.screen().back(), HasSubstr(" 50000 samples/s"));
}

}  // namespace
}  // namespace ekman
