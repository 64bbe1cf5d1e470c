// Which of Ekman's files an HDF5 file is.
#pragma once

#include <string>

namespace ekman {

enum class Hdf5FileKind { recording, restart, profile, statistics };

// By attributes of its root; what has none of Ekman's may have statistics. Throws Error with path and cause.
Hdf5FileKind hdf5_file_kind(const std::string& path);

}  // namespace ekman
