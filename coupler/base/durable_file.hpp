// Files that are on the disk when a call returns, with messages for the disks that cannot take them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ekman {

struct ByteRange {
  const void* bytes = nullptr;
  std::size_t count = 0;
};

// Each throws Error(internal) "cannot <what> <path>: <cause>", with a cure.

// Writes `pieces` one behind the other to a new file, or over an old one, and syncs it.
void write_durably(const std::string& path, const std::vector<ByteRange>& pieces);
// Brings a file, or the names in a folder, to the disk.
void sync_path(const std::string& path);
void rename_path(const std::string& from, const std::string& to);
// And brings the new name to the disk.
void rename_durably(const std::string& from, const std::string& to);
// The file is there with all of `text`, or as it was; also after the machine has failed.
void replace_durably(const std::string& path, const std::string& text);

// What `reason`, an errno, says, and what helps against it.
[[noreturn]] void throw_disk_error(const std::string& doing, const std::string& path, int reason);

}  // namespace ekman
