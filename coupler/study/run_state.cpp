// Implements run_state.hpp.
#include "coupler/study/run_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "coupler/base/durable_file.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_line = 300;

bool has_words(const std::string& line) {
  return std::any_of(line.begin(), line.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
}

}  // namespace

const char* word_of(RunStatus status) {
  return status == RunStatus::done ? "done" : status == RunStatus::failed ? "failed" : "timed out";
}

std::optional<RunOutcome> read_outcome(const std::string& folder) {
  const auto text = text_of_file((fs::path(folder) / k_outcome_file).string());
  if (!text) return std::nullopt;
  RunOutcome outcome;
  std::istringstream lines(*text);
  bool is_known = false;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon), value = line.substr(colon + 2);
    if (name == "exit status") outcome.exit_status = std::atoi(value.c_str());
    if (name == "seconds") outcome.seconds = std::strtod(value.c_str(), nullptr);
    if (name == "said") outcome.said = value;
    if (name != "status") continue;
    for (const RunStatus status : {RunStatus::done, RunStatus::failed, RunStatus::timed_out}) {
      if (value != word_of(status)) continue;
      outcome.status = status;
      is_known = true;
    }
  }
  return is_known ? std::optional(outcome) : std::nullopt;
}

void write_outcome(const std::string& folder, const RunOutcome& outcome) {
  std::string text = fmt::format("status: {}\nexit status: {}\nseconds: {:.3f}\n", word_of(outcome.status),
                                 outcome.exit_status, outcome.seconds);
  if (!outcome.said.empty()) text += fmt::format("said: {}\n", outcome.said);
  replace_durably((fs::path(folder) / k_outcome_file).string(), text);
}

std::optional<std::string> text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string telling_line(const std::string& log) {
  std::ifstream file(log, std::ios::binary);
  std::string last, of_slurm;
  for (std::string line; std::getline(file, line);) {
    if (!has_words(line)) continue;
    for (char& c : line)
      if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = ' ';
    last = line.substr(0, k_longest_line);
    if (line.rfind("ekman: error", 0) == 0) {
      of_slurm.clear();
      break;
    }
    if (of_slurm.empty() && line.rfind("srun: error:", 0) == 0) of_slurm = last;
  }
  if (!of_slurm.empty()) last = of_slurm;
  const std::size_t begin = last.find_first_not_of(' '), end = last.find_last_not_of(' ');
  return begin == std::string::npos ? "" : last.substr(begin, end - begin + 1);
}

}  // namespace ekman
