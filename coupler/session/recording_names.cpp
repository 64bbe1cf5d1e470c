// Implements recording_names.hpp.
#include "coupler/session/recording_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "coupler/base/file_name.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

// The digits that `text` begins with, which are taken from it; -1: none.
std::int64_t take_number(std::string& text) {
  std::int64_t number = -1;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || number < 0) return -1;
  text.erase(0, static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

}  // namespace

RecordingNames::RecordingNames(const Plan& plan, const NetworkSpec& network) {
  const fs::path file = fs::path(plan.output_directory) / plan.record.file;
  folder_ = file.parent_path().string();
  stem_ = file.stem().string() + "-" + file_name(network.name) + "-";
  ending_ = file.has_extension() ? file.extension().string() : ".h5";
}

std::string RecordingNames::path(int rank, std::int64_t number) const {
  return (fs::path(folder_) / fmt::format("{}{}-{:04}{}", stem_, rank, number, ending_)).string();
}

RecordingNames::Found RecordingNames::find(int rank) const {
  Found found;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_.empty() ? "." : folder_, none)) {
    std::string name = entry.path().filename().string();
    if (name.rfind(stem_, 0) != 0) continue;
    name.erase(0, stem_.size());
    const std::int64_t of_rank = take_number(name);
    if (of_rank < 0 || name.empty() || name.front() != '-') continue;
    name.erase(0, 1);
    const std::int64_t number = take_number(name);
    if (number < 0 || (name != ending_ && name != ending_ + ".part")) continue;
    found.file = entry.path().string();
    found.next = std::max(found.next, number + 1);
    const std::uintmax_t bytes = entry.file_size(none);
    if (of_rank == rank && !none) found.bytes += static_cast<std::int64_t>(bytes);
  }
  return found;
}

}  // namespace ekman
