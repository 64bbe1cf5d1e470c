// Implements training_log.hpp.
#include "coupler/session/training_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "coupler/base/csv.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr double k_least_between = 0.2;  // seconds from one live line to the next
constexpr const char* k_end = "\r\n";    // of a row, in RFC 4180

// Whether the n-th of its kind is told: the first, second, fourth, eighth ...
bool is_told(std::int64_t n) { return (n & (n - 1)) == 0; }

std::string header_of(const TrainingLogSetting& setting) {
  std::vector<std::string> cells{"step", "model_time", "exchange", "loss"};
  for (const std::string& term : setting.terms) cells.push_back(csv_cell("loss " + term));
  for (const char* name : {"validation_loss", "learning_rate", "gradient_norm", "samples_per_second"})
    cells.emplace_back(name);
  if (setting.has_scale) cells.emplace_back("loss_scale");
  return joined(cells, ",") + k_end;
}

std::string bytes_of(int file) {
  std::string bytes;
  char piece[1 << 14];
  for (;;) {
    const ssize_t count = ::pread(file, piece, sizeof piece, static_cast<off_t>(bytes.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(piece, static_cast<std::size_t>(count));
  }
}

// Where the rows behind `step` begin, or a row that is not whole.
std::size_t end_of_rows(const std::string& bytes, std::size_t at, std::int64_t step) {
  for (;;) {
    const std::size_t end = bytes.find(k_end, at);
    std::int64_t row = 0;
    if (end == std::string::npos) return at;
    const auto read = std::from_chars(bytes.data() + at, bytes.data() + end, row);
    if (read.ec != std::errc() || *read.ptr != ',' || row > step) return at;
    at = end + std::strlen(k_end);
  }
}

}  // namespace

std::string duration_text(double seconds) {
  if (!(seconds < 360000.0)) return "-";
  const auto whole = static_cast<std::int64_t>(seconds);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

TrainingLogSetting training_log_setting(const Plan& plan, const NetworkSpec& spec, std::int64_t first_step) {
  const TrainingSpec& training = spec.training;
  TrainingLogSetting setting;
  setting.network = spec.name;
  if (!training.csv.empty()) setting.csv = (std::filesystem::path(plan.output_directory) / training.csv).string();
  for (const LossTerm& term : training.loss) setting.terms.push_back(name_of(term));
  setting.has_loss = spec.tape == 0;
  setting.has_scale = spec.compute == Compute::float16;
  setting.clock = step_clock(plan, spec.component);
  setting.first_step = first_step;
  const ScheduleKind kind = training.schedule.kind;
  if (kind == ScheduleKind::cosine || kind == ScheduleKind::linear)
    setting.last_step = training.schedule.warmup + training.schedule.steps;
  return setting;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TrainingLog::TrainingLog(TrainingLogSetting setting, std::function<double()> seconds)
    : setting_(std::move(setting)),
      seconds_(std::move(seconds)),
      start_(seconds_()),
      last_row_(start_),
      live_(stderr_is_terminal()) {
  if (!setting_.csv.empty()) open();
}

TrainingLog::~TrainingLog() {
  if (live_) live_line("");
  if (file_ >= 0) ::close(file_);
}

void TrainingLog::open() {
  const auto fail = [&](int reason) {
    throw Error(ErrorCode::internal,
                fmt::format("the log of network \"{}\" cannot be written to {}: {}; see whether ML ranks may write "
                            "there, and have room",
                            setting_.network, setting_.csv, std::strerror(reason)));
  };
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(setting_.csv).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) fail(error.value());
  file_ = ::open(setting_.csv.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) fail(errno);
  const std::string header = header_of(setting_), old = setting_.first_step > 0 ? bytes_of(file_) : "";
  // A header that was cut off has no rows behind it.
  if (old.compare(0, header.size(), header) == 0) {
    end_ = static_cast<std::int64_t>(end_of_rows(old, header.size(), setting_.first_step));
  } else if (header.compare(0, old.size(), old) != 0) {
    ::close(file_);
    throw Error(ErrorCode::plan, fmt::format("the log of network \"{}\" cannot go on in {}, which has other columns; "
                                             "move it away, or name another file",
                                             setting_.network, setting_.csv));
  }
  if (::ftruncate(file_, end_) != 0) fail(errno);
  if (end_ == 0) append(header);
}

void TrainingLog::add(const StepReport& report, const TrainingMoment& moment) {
  samples_shown_ += moment.samples;
  if (report.overflow) return tell_of_overflow(report, moment);
  if (!report.made) return warn_of_bad_step(report, moment);
  const double now = seconds_();
  if (file_ >= 0) {
    const std::string date = setting_.clock.date(moment.model_step);
    std::string row =
        fmt::format("{},{},{},{}", report.step, date.empty() ? fmt::format("{}", moment.model_step) : date,
                    moment.exchange, setting_.has_loss ? fmt::format("{}", report.loss) : "");
    for (std::size_t term = 0; term < setting_.terms.size(); ++term)
      row += term < report.terms.size() ? fmt::format(",{}", report.terms[term]) : ",";
    row += std::isnan(report.validation_loss) ? "," : fmt::format(",{}", report.validation_loss);
    row += fmt::format(",{},{},{:.1f}", report.learning_rate, report.gradient_norm,
                       now > last_row_ ? static_cast<double>(moment.samples) / (now - last_row_) : 0.0);
    if (setting_.has_scale) row += fmt::format(",{}", report.loss_scale);
    append((end_ == 0 ? header_of(setting_) : "") + row + k_end);
  }
  last_row_ = now;
  if (live_) show(report, now);
}

// A row is there whole or not at all.
void TrainingLog::append(const std::string& row) {
  std::size_t done = 0;
  while (done < row.size()) {
    const ssize_t written =
        ::pwrite(file_, row.data() + done, row.size() - done, static_cast<off_t>(end_) + static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      const bool cut = ::ftruncate(file_, end_) == 0;
      if (!warned_) {
        log_line(
            fmt::format("warning: the log of network \"{}\" cannot be written to {}: {}; learning goes on, and rows "
                        "are left out until there is room{}",
                        setting_.network, setting_.csv, std::strerror(reason), cut ? "" : ", one of them in half"));
      }
      warned_ = true;
      return;
    }
    done += static_cast<std::size_t>(written);
  }
  end_ += static_cast<std::int64_t>(row.size());
}

void TrainingLog::warn_of_bad_step(const StepReport& report, const TrainingMoment& moment) {
  if ((std::isfinite(report.loss) || !setting_.has_loss) && std::isfinite(report.gradient_norm)) return;
  ++bad_steps_;
  if (!is_told(bad_steps_)) return;
  const std::string loss = setting_.has_loss ? fmt::format("loss {}, ", report.loss) : "";
  log_line(
      fmt::format("warning: network \"{}\" has learned nothing in {}: {}norm of the gradient {} "
                  "({} such steps so far); see what inputs and {} are there",
                  setting_.network, setting_.clock.name(moment.model_step), loss, report.gradient_norm, bad_steps_,
                  setting_.has_loss ? "targets" : "adjoints"));
}

void TrainingLog::tell_of_overflow(const StepReport& report, const TrainingMoment& moment) {
  if (!is_told(++overflows_)) return;
  log_line(
      fmt::format("network \"{}\" made no step in {}: with its loss times {} the gradient was too large for float16; "
                  "the next one takes half of that ({} such steps so far)",
                  setting_.network, setting_.clock.name(moment.model_step), report.loss_scale, overflows_));
}

void TrainingLog::show(const StepReport& report, double now) {
  if (last_shown_ >= 0.0 && now - last_shown_ < k_least_between) return;
  const double since = last_shown_ >= 0.0 ? last_shown_ : start_;
  std::string text = fmt::format("{}: step {}", setting_.network, report.step);
  if (setting_.last_step > 0) text += fmt::format("/{}", setting_.last_step);
  if (setting_.has_loss) text += fmt::format(", loss {:.4g}", report.loss);
  if (now > since) text += fmt::format(", {:.0f} samples/s", static_cast<double>(samples_shown_) / (now - since));
  const std::int64_t made = report.step - setting_.first_step, left = setting_.last_step - report.step;
  if (made > 0 && left > 0)
    text +=
        fmt::format(", {} left", duration_text((now - start_) / static_cast<double>(made) * static_cast<double>(left)));
  if (setting_.last_step > 0) text += " " + progress_bar(report.step, setting_.last_step);
  live_line(text);
  last_shown_ = now;
  samples_shown_ = 0;
}

}  // namespace ekman
