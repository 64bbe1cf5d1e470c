// Implements checkpoint_file.hpp. Nothing that a file says is believed before it has been compared with its size.
#include "adapters/torch/checkpoint_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "coupler/base/durable_file.hpp"
#include "coupler/base/sha256.hpp"
#include "coupler/base/version.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

using Json = nlohmann::json;

constexpr const char* k_format = "ekman checkpoint 2";
constexpr const char* k_artifact_format = "ekman artifact 1";  // weights, and what an optimizer remembers
constexpr const char* k_metadata = "__metadata__";
constexpr const char* k_script_sum = "script_sha256";
constexpr std::uint64_t k_length_bytes = 8;
constexpr std::uint64_t k_longest_header = 16 << 20;  // more than any network's
constexpr int k_deepest = 3;                          // header, array, shape
constexpr std::size_t k_digits = 64;

struct Kind {
  ArrayKind kind;
  const char* name;
  std::uint64_t bytes;
};
constexpr Kind k_kinds[] = {
    {ArrayKind::float32, "F32", 4}, {ArrayKind::float64, "F64", 8}, {ArrayKind::int64, "I64", 8}};

const Kind& kind_of(ArrayKind kind) {
  return *std::find_if(std::begin(k_kinds), std::end(k_kinds), [&](const Kind& one) { return one.kind == kind; });
}

// Why a file is refused; read_checkpoint_file adds its name.
struct Refused {
  std::string why;
};

struct IsScript {};

void require(bool well, const std::string& why) {
  if (!well) throw Refused{why};
}

std::string length_text(std::uint64_t length) {
  std::string text;
  for (int shift = 0; shift < 64; shift += 8) text += static_cast<char>((length >> shift) & 0xff);
  return text;
}

std::string header_of(const LearnedState& state, const std::vector<const NamedArray*>& arrays, std::int64_t step,
                      const std::string& script_sha256) {
  Json header;
  header[k_metadata] = {{"format", k_format},
                        {"ekman", build_version()},
                        {"step", std::to_string(step)},
                        {"network", state.network},
                        {"sha256", std::string(k_digits, '0')}};
  if (!script_sha256.empty()) header[k_metadata][k_script_sum] = script_sha256;
  std::uint64_t offset = 0;
  for (const NamedArray* array : arrays) {
    if (header.contains(array->name))
      throw Error(ErrorCode::internal, fmt::format("a checkpoint cannot hold two arrays \"{}\"; this is a mistake in "
                                                   "Ekman, report it",
                                                   array->name));
    const std::uint64_t end = offset + array->bytes.size();
    header[array->name] = {
        {"dtype", kind_of(array->kind).name}, {"shape", array->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + k_length_bytes - 1) / k_length_bytes * k_length_bytes, ' ');  // data are aligned
  return text;
}

std::uint64_t count_of(const Json& value, const char* what) {
  require(value.is_number_unsigned(), fmt::format("its header has a {} that is no whole number", what));
  return value.get<std::uint64_t>();
}

// One entry of the header; `begin` gets its place in the data.
NamedArray array_of(const std::string& name, const Json& entry, std::uint64_t data_bytes, std::uint64_t& begin) {
  const auto part = [&](const char* key) -> const Json& {
    require(entry.is_object() && entry.contains(key), fmt::format("array \"{}\" has no {}", name, key));
    return entry[key];
  };
  const Json &dtype = part("dtype"), &shape = part("shape"), &offsets = part("data_offsets");
  const auto kind = std::find_if(std::begin(k_kinds), std::end(k_kinds), [&](const Kind& one) {
    return dtype.is_string() && dtype.get_ref<const std::string&>() == one.name;
  });
  require(kind != std::end(k_kinds), fmt::format("array \"{}\" is of a kind that Ekman does not write", name));
  require(offsets.is_array() && offsets.size() == 2, fmt::format("array \"{}\" has no beginning and end", name));
  begin = count_of(offsets[0], "data_offsets");
  const std::uint64_t end = count_of(offsets[1], "data_offsets");
  require(begin <= end && end <= data_bytes, fmt::format("array \"{}\" lies outside of the data", name));
  require(shape.is_array(), fmt::format("array \"{}\" has no shape", name));
  NamedArray array{name, kind->kind, {}, {}};
  std::uint64_t bytes = kind->bytes;
  for (const Json& length : shape) {
    const std::uint64_t count = count_of(length, "shape");
    require(count <= data_bytes && (count == 0 || bytes <= data_bytes / count),
            fmt::format("array \"{}\" is larger than the data", name));
    bytes *= count;
    array.shape.push_back(static_cast<std::int64_t>(count));
  }
  require(bytes == end - begin, fmt::format("array \"{}\" has another size than its shape", name));
  array.bytes.resize(bytes);
  return array;
}

std::vector<NamedArray> arrays_of(const Json& header, const std::string& file, std::uint64_t data_at) {
  const std::uint64_t data_bytes = file.size() - data_at;
  std::vector<std::pair<std::uint64_t, NamedArray>> placed;
  std::uint64_t total = 0;
  for (const auto& [name, entry] : header.items()) {
    if (name == k_metadata) continue;
    std::uint64_t begin = 0;
    placed.emplace_back(0, array_of(name, entry, data_bytes, begin));
    placed.back().first = begin;
    total += placed.back().second.bytes.size();
    require(total <= data_bytes, "its arrays overlap");
  }
  std::sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.first, a.second.bytes.size()) < std::make_pair(b.first, b.second.bytes.size());
  });
  std::uint64_t end = 0;
  std::vector<NamedArray> arrays;
  for (auto& [begin, array] : placed) {
    require(begin == end, fmt::format("array \"{}\" does not begin where the one before it ends", array.name));
    std::transform(file.begin() + static_cast<std::ptrdiff_t>(data_at + begin),
                   file.begin() + static_cast<std::ptrdiff_t>(data_at + begin + array.bytes.size()),
                   array.bytes.begin(), [](char byte) { return static_cast<std::byte>(byte); });
    end = begin + array.bytes.size();
    arrays.push_back(std::move(array));
  }
  require(end == data_bytes, "there are data behind the last array");
  return arrays;
}

Json parsed(const std::string& text) {
  try {
    return Json::parse(text, [](int depth, Json::parse_event_t, Json&) {
      require(depth <= k_deepest, "its header is nested too deep");
      return true;
    });
  } catch (const Json::exception&) {
    throw Refused{"its header is no JSON"};
  }
}

const std::string& text_of(const Json& metadata, const char* key) {
  require(metadata.contains(key) && metadata[key].is_string(), fmt::format("its header does not say {}", key));
  return metadata[key].get_ref<const std::string&>();
}

void check_sum(const std::string& file, std::uint64_t data_at, const std::string& digits) {
  const std::size_t at = file.find(digits, k_length_bytes);
  require(digits.size() == k_digits && at < data_at, "its header does not say sha256");
  const std::string zeros(k_digits, '0');
  Sha256 sum;
  sum.add(file.data(), at);
  sum.add(zeros.data(), k_digits);
  sum.add(file.data() + at + k_digits, file.size() - at - k_digits);
  require(sum.digits() == digits, "its bytes are not those that were written: its sha256 is another one");
}

std::string bytes_of(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  require(std::filesystem::exists(status), "it does not exist");
  require(std::filesystem::is_regular_file(status), "it is not a file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  require(!error && file.good(), "it cannot be opened");
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  require(static_cast<std::uint64_t>(file.gcount()) == size, "its disk does not give all of it");
  return bytes;
}

Checkpoint checkpoint_of(const std::string& path) {
  const std::string file = bytes_of(path);
  require(file.size() > k_length_bytes, "it is too short");
  if (file.compare(0, 4, "PK\x03\x04") == 0) throw IsScript{};
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < k_length_bytes; ++i)
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  require(length <= k_longest_header && file[k_length_bytes] == '{', "it is no file of safetensors layout");
  require(length <= file.size() - k_length_bytes, "it is cut off");
  const Json header = parsed(file.substr(k_length_bytes, length));
  require(header.is_object() && header.contains(k_metadata) && header[k_metadata].is_object() &&
              header[k_metadata].contains("format"),
          "it is no checkpoint of Ekman");
  const Json& metadata = header[k_metadata];
  const std::string& format = text_of(metadata, "format");
  require(format == k_format || format == k_artifact_format, "it has a format that this Ekman does not know");
  Checkpoint checkpoint{path, text_of(metadata, "ekman"), 0, {text_of(metadata, "network"), {}}};
  const std::string& step = text_of(metadata, "step");
  const auto read = std::from_chars(step.data(), step.data() + step.size(), checkpoint.step);
  require(read.ec == std::errc() && read.ptr == step.data() + step.size() && checkpoint.step >= 0,
          "its step is no number");
  if (metadata.contains(k_script_sum)) checkpoint.script_sha256 = text_of(metadata, k_script_sum);
  checkpoint.state.arrays = arrays_of(header, file, k_length_bytes + length);
  check_sum(file, k_length_bytes + length, text_of(metadata, "sha256"));
  return checkpoint;
}

}  // namespace

void write_checkpoint_file(const std::string& path, const LearnedState& state, std::int64_t step,
                           const std::string& script_sha256) {
  std::vector<const NamedArray*> arrays;
  for (const NamedArray& array : state.arrays) arrays.push_back(&array);
  // Widest first, so that each array is aligned.
  std::stable_sort(arrays.begin(), arrays.end(), [](const NamedArray* a, const NamedArray* b) {
    return kind_of(a->kind).bytes > kind_of(b->kind).bytes;
  });
  std::string header = header_of(state, arrays, step, script_sha256);
  const std::string length = length_text(header.size());
  std::vector<ByteRange> pieces{{length.data(), length.size()}, {header.data(), header.size()}};
  for (const NamedArray* array : arrays) pieces.push_back({array->bytes.data(), array->bytes.size()});
  Sha256 sum;
  for (const ByteRange& piece : pieces) sum.add(piece.bytes, piece.count);
  const std::string place = "\"sha256\":\"" + std::string(k_digits, '0');
  header.replace(header.rfind(place) + place.size() - k_digits, k_digits, sum.digits());
  write_durably(path, pieces);
}

std::string script_beside(const Checkpoint& checkpoint) {
  const std::string path = std::filesystem::path(checkpoint.path).replace_extension(k_script).string();
  for (const std::string& file : {path, path + k_partial}) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) continue;
    if (checkpoint.script_sha256.empty() || sha256_of_file(file) == checkpoint.script_sha256) return file;
  }
  return "";
}

Checkpoint read_checkpoint_file(const std::string& path) {
  try {
    return checkpoint_of(path);
  } catch (const IsScript&) {
    throw Error(ErrorCode::network, fmt::format("checkpoint {} is a TorchScript file; name the .safetensors beside it, "
                                                "or `torchscript` instead of `checkpoint` to take its weights alone",
                                                path));
  } catch (const Refused& refused) {
    throw Error(ErrorCode::network,
                fmt::format("checkpoint {} cannot be read: {}; name another one, or copy it again if "
                            "it came from elsewhere",
                            path, refused.why));
  }
}

}  // namespace ekman
