// Recordings as HDF5 files that are netCDF-4 too, in the format that docs/recording.md tells. One process writes a
// file, any may read it meanwhile.
#pragma once

#include <memory>

#include "coupler/recording/recording.hpp"

namespace ekman {

std::unique_ptr<RecordingStore> make_hdf5_recording_store();

}  // namespace ekman
