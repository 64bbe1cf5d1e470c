// Implements file_kind.hpp.
#include "adapters/hdf5/file_kind.hpp"

#include "adapters/hdf5/recording_format.hpp"

namespace ekman {

Hdf5FileKind hdf5_file_kind(const std::string& path) {
  start_hdf5();
  const Hdf5File file = open_recording(path);
  const Hdf5Named root = recording_named(file.get(), path);
  if (has_attribute(root, "stages")) return Hdf5FileKind::profile;
  if (has_attribute(root, "format_version")) return Hdf5FileKind::recording;
  return has_attribute(root, "label") ? Hdf5FileKind::restart : Hdf5FileKind::statistics;
}

}  // namespace ekman
