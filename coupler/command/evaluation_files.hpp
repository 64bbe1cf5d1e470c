// What `ekman evaluate` leaves: the errors by level, pairs of truth and prediction, and their figure.
#pragma once

#include <string>
#include <vector>

#include "coupler/offline/drawn_pairs.hpp"

namespace ekman {

struct EvaluationFiles {
  std::string table, pairs, figure;  // paths: .csv, -pairs.csv, .png
};

EvaluationFiles evaluation_files(const std::string& output_directory, const std::string& network,
                                 const std::string& part);

// Both throw Error(internal) if the file cannot be written. `units` of each field. A row for each level, from 1, and
// one for all.
void write_errors(const std::string& path, const std::vector<ComparedField>& fields,
                  const std::vector<std::string>& units, const std::vector<FieldErrors>& errors);
void write_pairs(const std::string& path, const std::vector<ComparedField>& fields, const DrawnPairs& pairs);

// Has Python draw it, with the script that is installed beside the program: the interpreter that the environment
// variable EKMAN_PYTHON names, or python3. Returns why there is no figure, or "".
std::string draw_figure(const EvaluationFiles& files);

}  // namespace ekman
