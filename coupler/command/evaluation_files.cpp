// Implements evaluation_files.hpp.
#include "coupler/command/evaluation_files.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_script = "evaluation_figure.py";
// What the script ends with where matplotlib is missing.
constexpr int k_no_matplotlib = 3;

void close_or_fail(std::ofstream& file, const std::string& path, const char* what) {
  file.close();
  if (file) return;
  throw Error(ErrorCode::internal,
              fmt::format("{} cannot be written to {}: {}; see whether there is room, or give another "
                          "output.directory",
                          what, path, std::strerror(errno)));
}

// Beside the installed program, or in the source tree of one that is not.
std::string find_script() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path() / EKMAN_DATA_FROM_PROGRAM / "ekman/matplotlib" / k_script;
  return fs::exists(installed) ? installed.string() : std::string(EKMAN_FIGURES) + "/" + k_script;
}

}  // namespace

EvaluationFiles evaluation_files(const std::string& output_directory, const std::string& network,
                                 const std::string& part) {
  const std::string stem = (fs::path(output_directory) / fmt::format("evaluation-{}-{}", network, part)).string();
  return {stem + ".csv", stem + "-pairs.csv", stem + ".png"};
}

void write_errors(const std::string& path, const std::vector<ComparedField>& fields,
                  const std::vector<std::string>& units, const std::vector<FieldErrors>& errors) {
  std::ofstream file(path);
  file << "field,level,rmse,mae,r2,bias,weight,units\r\n";
  for (std::size_t f = 0; f < fields.size(); ++f) {
    const auto row = [&](const std::string& level, const ErrorMoments& moments) {
      file << fmt::format("\"{}\",{},{},{},{},{},{},\"{}\"\r\n", fields[f].output.name, level, moments.rmse(),
                          moments.mae(), moments.r2(), moments.bias(), moments.weight, units[f]);
    };
    row("all", errors[f].all());
    for (std::size_t level = 0; level < errors[f].levels.size(); ++level)
      row(fmt::format("{}", level + 1), errors[f].levels[level]);
  }
  close_or_fail(file, path, "errors by level");
}

void write_pairs(const std::string& path, const std::vector<ComparedField>& fields, const DrawnPairs& pairs) {
  std::ofstream file(path);
  file << "field,level,truth,prediction\r\n";
  for (std::size_t f = 0; f < fields.size(); ++f)
    for (const DrawnPair& pair : pairs.of(f))
      file << fmt::format("\"{}\",{},{},{}\r\n", fields[f].output.name, pair.level, pair.truth, pair.prediction);
  close_or_fail(file, path, "pairs of truth and prediction");
}

std::string draw_figure(const EvaluationFiles& files) {
  const char* const named = std::getenv("EKMAN_PYTHON");
  std::string python = named == nullptr ? "python3" : named;
  std::vector<std::string> words{python, find_script(), files.table, files.pairs, files.figure};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawnp(&child, python.c_str(), nullptr, nullptr, arguments.data(), environ);
  if (code != 0)
    return fmt::format("no figure: {} cannot be started ({}); name a Python that has matplotlib in EKMAN_PYTHON",
                       python, std::strerror(code));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  if (WIFEXITED(status) && WEXITSTATUS(status) == k_no_matplotlib)
    return fmt::format("no figure: {} has no matplotlib; install it, or name another Python in EKMAN_PYTHON", python);
  return fmt::format("no figure: {} of {} failed; its own message is above, and {} can be drawn by hand", words[1],
                     python, files.pairs);
}

}  // namespace ekman
