// What a study leaves: results.csv and results.h5, tables of what networks learned, and figures.
#pragma once

#include <vector>

#include "coupler/command/sweep_points.hpp"
#include "coupler/study/study_results.hpp"

namespace ekman {

// From the files of all runs; a point is done if all its repeats are.
std::vector<PointResult> collect(const Sweep& sweep);

// Writes all files, says where, and prints the tables. With `figure` Python draws them.
void write_results(const Sweep& sweep, const std::vector<PointResult>& points, bool figure);

}  // namespace ekman
