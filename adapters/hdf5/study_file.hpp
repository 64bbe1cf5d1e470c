// The tables of a study as one HDF5 file: a group for each, with a dataset for each column.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "coupler/study/study_results.hpp"

namespace ekman {

// Under another name first, so that a file of that name is always whole. Columns keep their order in the attribute
// `columns`; a number that is not there is NaN. Throws Error with path and cause.
void write_study(const std::string& path, const std::vector<std::pair<std::string, std::vector<TableColumn>>>& tables);

}  // namespace ekman
