// Restart sets as folders of HDF5 files: <folder>/restart/<label>/<component>/<network>.h5. Written as
// <component>.partial and renamed; while an older set gives way it is <component>.old.
#pragma once

#include <memory>
#include <string>

#include "coupler/restart/restart_store.hpp"

namespace ekman {

// `folder`: output.directory of the plan, relative to the working directory; made when the first set is
// written.
std::unique_ptr<RestartStore> make_hdf5_restart_store(const std::string& folder);

}  // namespace ekman
