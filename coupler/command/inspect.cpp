// Implements inspect.hpp.
#include "coupler/command/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "adapters/hdf5/file_kind.hpp"
#include "adapters/hdf5/profile_file.hpp"
#include "adapters/hdf5/recording_store.hpp"
#include "adapters/hdf5/restart_file.hpp"
#include "adapters/hdf5/statistics_file.hpp"
#include "adapters/json/artifact_file.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/command/plan_words.hpp"
#include "coupler/command/recording_words.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/profile/profile_text.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

std::string size_words(const std::string& path) {
  std::error_code ignored;
  return bytes_words(static_cast<std::int64_t>(std::filesystem::file_size(path, ignored)));
}

void print_recording(const RecordingReader& reader) {
  const RecordingHeader& header = reader.header();
  const std::string chunks =
      header.chunks.empty() ? "" : fmt::format(" ({} to {})", header.chunks.front(), header.chunks.back());
  std::printf("%s\n", fmt::format("{}: {}, recording\n"
                                  "    network {} of component {}, {}\n"
                                  "    {}\n"
                                  "    {} in {}{} of {} {}{}, {} coordinates\n"
                                  "    {}",
                                  reader.path(), size_words(reader.path()), header.network, header.component,
                                  word_of(header.wire), record_words(reader), counted(header.ids.size(), "point"),
                                  counted(header.chunks.size(), "chunk"), chunks, header.chunk, sample_words(header),
                                  header.chunk == 1 ? "" : "s", header.longitude.empty() ? "without" : "with",
                                  fields_words(header))
                          .c_str());
}

[[noreturn]] void refuse(const std::string& path) {
  throw Error(
      ErrorCode::usage,
      fmt::format("{} is no recording, restart file, profile, checkpoint (.safetensors), TorchScript file, file "
                  "of statistics or directory of ekman-export; name one of these",
                  path));
}

void print_statistics(const std::string& path) {
  std::string text = fmt::format("{}: {}, mean and std of fields\n", path, size_words(path));
  std::size_t fields = 0;
  for (const std::string& field : fields_with_statistics(path)) {
    const std::optional<FieldStatistics> read = read_statistics(path, field);
    if (!read) continue;  // of a name that no field has in netCDF
    const FieldStatistics& found = *read;
    ++fields;
    text += fmt::format("    {}{}: {}, mean {:.6g} std {:.6g}{}{}\n", field,
                        found.units.empty() ? "" : " [" + found.units + "]", counted(found.mean.size(), "level"),
                        found.mean.front(), found.std.front(), found.mean.size() > 1 ? " at the first" : "",
                        found.part.empty() ? "" : "; " + found.part);
  }
  if (fields == 0) refuse(path);
  std::fputs(text.c_str(), stdout);
}

// The part of a name before its first "/".
std::string group_of(const std::string& name) { return name.substr(0, name.find('/')); }

template <class T>
std::string numbers_of(const NamedArray& array) {
  std::vector<std::string> numbers;
  for (std::size_t at = 0; at + sizeof(T) <= array.bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, array.bytes.data() + at, sizeof value);
    numbers.push_back(fmt::format("{}", value));
  }
  return joined(numbers, ", ");
}

std::string values_of(const NamedArray& array) {
  switch (array.kind) {
    case ArrayKind::float32:
      return numbers_of<float>(array);
    case ArrayKind::float64:
      return numbers_of<double>(array);
    case ArrayKind::int64:
      break;
  }
  return numbers_of<std::int64_t>(array);
}

std::string shape_words(const NamedArray& array) {
  const char* const kind = array.kind == ArrayKind::float32   ? "float32"
                           : array.kind == ArrayKind::float64 ? "float64"
                                                              : "int64";
  return fmt::format("{} [{}]", kind, joined(array.shape, ", "));
}

// Tensors of the network each with its shape, those of the optimizer in one line, and small ones with their values.
std::string learned_words(const LearnedState& state) {
  std::string text = state.network.empty() ? "" : fmt::format("    network: {}\n", state.network);
  std::vector<std::string> groups;
  for (const NamedArray& array : state.arrays) {
    const std::string group = group_of(array.name);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  for (const std::string& group : groups) {
    std::int64_t values = 0;
    std::size_t arrays = 0;
    std::string lines;
    for (const NamedArray& array : state.arrays) {
      if (group_of(array.name) != group) continue;
      std::int64_t length = 1;
      for (const std::int64_t extent : array.shape) length *= extent;
      values += length;
      ++arrays;
      const std::string name = array.name == group ? group : array.name.substr(group.size() + 1);
      const bool is_tensor = group == "parameters" || group == "buffers";
      if (!is_tensor && (group == "optimizer" || length > 4)) continue;
      lines += fmt::format("        {:<32} {}\n", name, is_tensor ? shape_words(array) : values_of(array));
    }
    text += fmt::format("    {}: {} in {}\n{}", group, counted(static_cast<std::size_t>(values), "value"),
                        counted(arrays, "array"), lines);
  }
  return text;
}

void print_checkpoint(const std::string& path) {
  NetworkSpec spec;
  spec.name = "inspected";
  spec.training.resume = std::filesystem::absolute(path).string();  // `latest` may be a file
  const Checkpoint checkpoint = network_library().find_resume(spec, ".").value();
  std::fputs(fmt::format("{}: {}, checkpoint of optimizer step {}, written by Ekman {}\n{}{}", path, size_words(path),
                         checkpoint.step, checkpoint.version, learned_words(checkpoint.state),
                         checkpoint.script_sha256.empty()
                             ? ""
                             : fmt::format("    TorchScript beside it: sha256 {}\n", checkpoint.script_sha256))
                 .c_str(),
             stdout);
}

std::string fields_list(const std::vector<RestartField>& fields) {
  std::vector<std::string> words;
  for (const RestartField& field : fields)
    words.push_back(field.name + (field.levels > 1 ? fmt::format("({})", field.levels) : ""));
  return words.empty() ? "none" : joined(words, ", ");
}

LearnedState learned_state(RestartReader& reader) {
  LearnedState state;
  state.network = reader.header().learning.network;
  for (RestartBlock& block : reader.read_blocks("learned")) {
    const ArrayKind kind = block.kind == ElementKind::real32   ? ArrayKind::float32
                           : block.kind == ElementKind::real64 ? ArrayKind::float64
                                                               : ArrayKind::int64;
    state.arrays.push_back({block.name, kind, std::move(block.shape), std::move(block.bytes)});
  }
  return state;
}

void print_restart(const std::string& path) {
  const std::unique_ptr<RestartReader> reader = open_restart_file(path);
  const RestartHeader& header = reader->header();
  const std::string learning =
      header.learning.given ? fmt::format("    learned from {}\n{}",
                                          counted(static_cast<std::size_t>(header.learning.exchanges), "exchange"),
                                          learned_words(learned_state(*reader)))
                            : "";
  std::fputs(
      fmt::format("{}: {}, restart of network {} of component {}, {}\n"
                  "    goes on at step {}; {}, an exchange every {}, lag {}, time_reduction {}\n"
                  "    inputs {}; outputs {}; targets and weights {}\n{}",
                  path, size_words(path), header.network, header.component, word_of(header.wire), header.step,
                  counted(static_cast<std::size_t>(header.points), "point"),
                  counted(static_cast<std::size_t>(header.period), "step"), header.lag, word_of(header.time_reduction),
                  fields_list(header.inputs), fields_list(header.outputs), fields_list(header.truth), learning)
          .c_str(),
      stdout);
}

void print_profile(const std::string& path) {
  const RunProfile run = read_profile(path);
  std::fputs(fmt::format("{}: {}, profile of a run of {} with Ekman {}\n{}", path, size_words(path),
                         counted(run.ranks.size(), "rank"), run.version, profile_text(run))
                 .c_str(),
             stdout);
}

void print_script(const std::string& path) {
  std::string text = fmt::format("{}: {}, TorchScript\n", path, size_words(path));
  for (const std::string& line : network_library().describe_script(path)) text += "    " + line + "\n";
  std::fputs(text.c_str(), stdout);
}

void print_artifact(const std::string& path) {
  std::string text = fmt::format("{}: artifact\n", path);
  for (const std::string& line : describe_artifact(path)) text += "    " + line + "\n";
  std::fputs(text.c_str(), stdout);
}

std::string first_bytes(const std::string& path, std::size_t count) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(count, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  if (!file.is_open() || file.bad())
    throw Error(ErrorCode::usage, fmt::format("{} cannot be read; check its name and permissions", path));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

void print(const std::string& path) {
  if (std::filesystem::is_directory(path)) return print_artifact(path);
  const std::string bytes = first_bytes(path, 9);
  if (bytes.substr(0, 8) == "\x89HDF\r\n\x1a\n") {
    const Hdf5FileKind kind = hdf5_file_kind(path);
    if (kind == Hdf5FileKind::recording) return print_recording(*make_hdf5_recording_store()->open(path));
    if (kind == Hdf5FileKind::profile) return print_profile(path);
    return kind == Hdf5FileKind::restart ? print_restart(path) : print_statistics(path);
  }
  if (bytes.substr(0, 4) == "PK\x03\x04") return print_script(path);
  if (bytes.size() == 9 && bytes[8] == '{') return print_checkpoint(path);
  refuse(path);
}

}  // namespace

void inspect(const std::vector<std::string>& files) {
  for (const std::string& file : files) print(file);
}

}  // namespace ekman
