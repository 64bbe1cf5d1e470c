// Implements report.hpp. The page is adapters/chartjs/report.html with style, scripts and data put into it.
#include "coupler/command/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "adapters/hdf5/profile_file.hpp"
#include "adapters/json/report_json.hpp"
#include "adapters/json/trace_json.hpp"
#include "adapters/yaml/run_facts.hpp"
#include "coupler/command/learning_curves.hpp"
#include "coupler/profile/profile_text.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_run_record = "ekman-run.yaml";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad())
    throw Error(ErrorCode::usage,
                fmt::format("{} cannot be read: {}; check its permissions", path, std::strerror(errno)));
  return text;
}

// Beside the installed program, or where it was built.
std::string page_part(const char* name, const char* built) {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path() / EKMAN_DATA_FROM_PROGRAM / "ekman/chartjs" / name;
  const std::string path = fs::exists(installed) ? installed.string() : std::string(built);
  if (!fs::exists(path))
    throw Error(ErrorCode::usage, fmt::format("a page needs Chart.js, and there is no {}; install libjs-chart.js and "
                                              "build Ekman anew, or take --text or --trace",
                                              installed.lexically_normal().string()));
  return text_of(path);
}

std::string own_part(const char* name) { return page_part(name, (fs::path(EKMAN_PAGES) / name).c_str()); }

std::string html_text(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return safe;
}

// Each `{{name}}` of the template is replaced once; what is put in is not looked through.
std::string filled(const std::string& page, const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string text;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = page.find("{{", at), close = page.find("}}", open);
    text += page.substr(at, open - at);
    if (open == std::string::npos) return text;
    const std::string name = page.substr(open + 2, close - open - 2);
    for (const auto& [part, value] : parts)
      if (part == name) text += value;
    at = close + 2;
  }
}

// Whole or not at all, since somebody may have it open.
void write(const std::string& path, const std::string& text) {
  const std::string unfinished = fmt::format("{}.{}.part", path, getpid());
  std::ofstream file(unfinished, std::ios::binary);
  file << text;
  file.close();
  std::error_code problem;
  if (file) fs::rename(unfinished, path, problem);
  if (file && !problem) return;
  const std::string why = problem ? problem.message() : std::strerror(errno);
  fs::remove(unfinished, problem);
  throw Error(ErrorCode::usage, fmt::format("cannot write {}: {}; name another file with --output", path, why));
}

std::vector<LearningCurves> learning_of(const fs::path& directory, const RunFacts& facts) {
  std::vector<LearningCurves> learning;
  for (const auto& [network, csv] : facts.logs) {
    const fs::path path = directory / csv;
    if (fs::exists(path)) learning.push_back(read_learning_curves(path.string(), network));
  }
  return learning;
}

ReportContent content_of(const fs::path& directory) {
  const fs::path record = directory / k_run_record, profile = directory / k_profile_file;
  if (!fs::exists(record) && !fs::exists(profile))
    throw Error(ErrorCode::usage, fmt::format("{} has neither {} nor {}; name the output.directory of a run",
                                              directory.string(), k_run_record, k_profile_file));
  ReportContent content;
  content.directory = fs::absolute(directory).lexically_normal().string();
  if (fs::exists(profile)) content.profile = read_profile(profile.string());
  if (!fs::exists(record)) return content;
  content.plan = text_of(record.string());
  const RunFacts facts = run_facts(content.plan, record.string());
  for (const RunFact& fact : facts.facts) content.facts.emplace_back(fact.name, fact.values);
  content.learning = learning_of(directory, facts);
  if (content.profile && !facts.profiled)
    content.warning =
        fmt::format("{} is of a run before that of {}, which was not profiled", k_profile_file, k_run_record);
  return content;
}

std::string page_of(const ReportContent& content) {
  const std::string no_script =
      content.profile ? profile_text(*content.profile) : "This run was not profiled: output: {profile: on}.\n";
  return filled(own_part("report.html"), {{"title", html_text(content.directory)},
                                          {"style", own_part("report.css")},
                                          {"text", html_text(no_script)},
                                          {"library", page_part("chart.min.js", EKMAN_CHARTJS)},
                                          {"data", report_json(content)},
                                          {"charts", own_part("charts.js")},
                                          {"timeline", own_part("timeline.js")},
                                          {"report", own_part("report.js")}});
}

}  // namespace

void report(const ReportOptions& options) {
  const fs::path directory = options.directory;
  if (!fs::is_directory(directory))
    throw Error(ErrorCode::usage,
                fmt::format("{} is no directory; name the output.directory of a run", directory.string()));
  if (options.kind == ReportOptions::Kind::page) {
    const std::string path = options.output.empty() ? (directory / "report.html").string() : options.output;
    write(path, page_of(content_of(directory)));
    std::printf("%s\n", path.c_str());
    return;
  }
  const RunProfile run = read_profile((directory / k_profile_file).string());
  if (options.kind == ReportOptions::Kind::text) {
    std::fputs(profile_text(run).c_str(), stdout);
    return;
  }
  const std::string path = options.output.empty() ? (directory / "trace.json").string() : options.output;
  write(path, trace_json(run));
  std::printf("%s\n", path.c_str());
}

}  // namespace ekman
