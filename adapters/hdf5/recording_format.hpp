// What writer and reader of recordings agree on: names, and the two classes for recording_store.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/hdf5/hdf5_attributes.hpp"
#include "coupler/recording/recording.hpp"

namespace ekman {

inline constexpr const char* k_recording_format = "ekman recording";
inline constexpr std::int64_t k_recording_version = 1;
inline constexpr const char* k_part_ending = ".part";
// CF's word for the unit of what has none.
inline constexpr const char* k_no_unit = "1";

inline Hdf5Named recording_named(hid_t object, const std::string& path) {
  return {object, path, "recording", "give a recording that `ekman serve` has written"};
}

// No locks, which some parallel file systems refuse: SWMR needs none.
Hdf5Properties recording_access(const std::string& path);

// Opens a finished file, or one that is being written or was when its process ended. Throws Error.
Hdf5File open_recording(const std::string& path);

// The names that fields have as variables: netCDF knows fewer names than a component may use, and some are taken.
std::vector<std::string> variable_names(const std::vector<RecordedField>& fields);

// CF's words for calendars.
const char* cf_calendar(CalendarKind kind);

std::unique_ptr<RecordingWriter> create_recording_file(const std::string& path, const RecordingHeader& header);
std::unique_ptr<RecordingReader> open_recording_file(const std::string& path);

}  // namespace ekman
