// `ekman inspect --merge`: the recordings of all ML ranks of a network made one.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// Writes the records of the files of all ML ranks of a network, with all their numbers, as one recording. A record that
// is there twice, since a run was resumed before it, comes from the file with the greater number in its name; those
// that are not there for all chunks are left out. Prints what it did; throws Error.
void merge_recordings(const std::vector<std::string>& files, const std::string& merged);

}  // namespace ekman
