// The tables of a study: a row for each point, and of studies of learning one for each group of seeds.
#pragma once

#include <string>
#include <vector>

#include "coupler/study/run_numbers.hpp"
#include "coupler/study/study.hpp"

namespace ekman {

struct LearnedNetwork {
  std::string network;
  std::string log;  // file
  LearningNumbers numbers;
};

struct PointResult {
  std::string id;  // name of its directory
  Choice choice;
  std::string status;                   // done, failed, timed out, invalid, to do
  std::string said;                     // of one that is not done
  std::vector<RunNumbers> runs;         // of its repeats that are done
  std::vector<double> seconds;          // of each of them, from start to end
  std::vector<LearnedNetwork> learned;  // by the first of them, since equal seeds give equal bits
};

struct TableColumn {
  std::string name;
  bool is_text = false;
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

// Columns of one length. Of each number the median over the repeats; of the seconds per step least and most too. With
// Study::ranks: `ideal_seconds_per_step` and `efficiency` against the point of the same line that has fewest ranks, of
// the measured or of the simulated ones: strong scaling T0 R0 / R and T0 R0 / (T R), weak scaling T0 and T0 / T. The
// ideal rate of a device is that of its points in the ideal time: the same for all where the devices grow with the
// ranks, more where they do not.
std::vector<TableColumn> result_table(const Study& study, const std::vector<PointResult>& points);

// What is wrong with weak scaling whose points do not grow with the ranks; empty if nothing is.
std::string uneven_work(const Study& study, const std::vector<TableColumn>& results);

// A row for each network and group of points that differ in seeds alone: mean and standard deviation of the best
// validation loss, the last loss and the seconds of a run. Empty if nothing learned.
std::vector<TableColumn> learning_table(const Study& study, const std::vector<PointResult>& points);
// A row for each network of each point, with its log, for the curves.
std::vector<TableColumn> curve_table(const Study& study, const std::vector<PointResult>& points);

std::string csv_of(const std::vector<TableColumn>& table);
// Aligned, for eyes; `names`: of which columns, those that are there; numbers with four digits.
std::string markdown_of(const std::vector<TableColumn>& table, const std::vector<std::string>& names);

const TableColumn* find_column(const std::vector<TableColumn>& table, const std::string& name);

}  // namespace ekman
