// Implements evaluation_files.hpp.
#include "coupler/command/evaluation_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "coupler/command/python_figure.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

void close_or_fail(std::ofstream& file, const std::string& path, const char* what) {
  file.close();
  if (file) return;
  throw Error(ErrorCode::internal,
              fmt::format("{} cannot be written to {}: {}; see whether there is room, or give another "
                          "output.directory",
                          what, path, std::strerror(errno)));
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
  return draw_by_python("evaluation_figure.py", {files.table, files.pairs, files.figure}, files.pairs);
}

}  // namespace ekman
