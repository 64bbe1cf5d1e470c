// Implements artifact_file.hpp. Nothing that the manifest says is believed before its own SHA-256 has been compared.
#include "adapters/json/artifact_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "coupler/base/joined.hpp"
#include "coupler/base/sha256.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* k_format = "ekman artifact 1";
constexpr std::uintmax_t k_largest_text = std::uintmax_t{64} << 20;  // a million parameters, each with its name
constexpr std::size_t k_digits = 64;
constexpr int k_deepest = 16;

[[noreturn]] void fail(const std::string& directory, const std::string& what) {
  throw Error(ErrorCode::network, fmt::format("artifact {} {}", directory, what));
}

fs::path require_file(const std::string& directory, const std::string& name) {
  const fs::path path = fs::path(directory) / name;
  if (fs::path(name).filename() != name)
    fail(directory, fmt::format("names the file {}, which is not in it; write it again with ekman-export", name));
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored))
    fail(directory, fmt::format("has no file {}; copy the whole directory, or write it again with ekman-export", name));
  return path;
}

// Texts of more than the manifest can have are not read.
std::string text_of_file(const std::string& directory, const std::string& name) {
  const fs::path path = require_file(directory, name);
  std::error_code problem;
  const std::uintmax_t size = fs::file_size(path, problem);
  if (problem || size > k_largest_text)
    fail(directory, fmt::format("has a {} that cannot be read; write it again with ekman-export", name));
  std::ifstream file(path, std::ios::binary);
  std::string text(size, '\0');
  file.read(text.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size)
    fail(directory, fmt::format("has a {} that cannot be read; check its permissions and its disk", name));
  return text;
}

ordered_json parsed(const std::string& directory, const std::string& name, const std::string& text) {
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, ordered_json::parse_event_t, ordered_json&) {
    too_deep = too_deep || depth > k_deepest;
    return !too_deep;
  };
  const ordered_json all = ordered_json::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep || !all.is_object())
    fail(directory, fmt::format("has a {} that is no JSON of ekman-export; copy it again, or write it anew", name));
  return all;
}

void check_own_sum(const std::string& directory, const std::string& text, const std::string& digits) {
  const std::size_t place = text.find(digits);
  std::string zeroed = text;
  if (digits.size() == k_digits && place != std::string::npos) zeroed.replace(place, k_digits, k_digits, '0');
  Sha256 sum;
  sum.add(zeroed.data(), zeroed.size());
  if (digits.size() == k_digits && sum.digits() == digits) return;
  fail(directory, fmt::format("has a {} whose bytes are not those that were written: its sha256 is another one; copy "
                              "it again, or write it anew with ekman-export",
                              k_artifact_manifest));
}

void check_file(const std::string& directory, const std::string& name, const std::string& asked) {
  const fs::path path = require_file(directory, name);
  const std::string found = sha256_of_file(path.string());
  if (found == asked) return;
  fail(directory,
       fmt::format("was damaged or changed: {} has the SHA-256 {}, and its manifest asks for {}; copy it again, "
                   "or write it anew with ekman-export",
                   name, found, asked));
}

// The manifest of a directory whose files are what it says.
ordered_json checked_manifest(const std::string& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored))
    throw Error(ErrorCode::network,
                fmt::format("artifact {} is no directory; name one that ekman-export wrote", directory));
  const std::string text = text_of_file(directory, k_artifact_manifest);
  ordered_json manifest = parsed(directory, k_artifact_manifest, text);
  if (manifest.value("format", ordered_json()) != k_format) {
    fail(directory,
         fmt::format("has the format {}, and this Ekman reads \"{}\"; write it again with the ekman-export of "
                     "this Ekman",
                     manifest.value("format", ordered_json()).dump(), k_format));
  }
  check_own_sum(directory, text, manifest.at("sha256").get<std::string>());
  for (const auto& file : manifest.at("files").items())
    check_file(directory, file.key(), file.value().get<std::string>());
  for (const char* name : {k_artifact_infer, k_artifact_weights}) {
    if (!manifest["files"].contains(name))
      fail(directory,
           fmt::format("has a {} that does not name {}; write it again with ekman-export", k_artifact_manifest, name));
  }
  return manifest;
}

// Runs `work` on the manifest; one that is whole, but not as this Ekman knows it, is told from the rest.
template <class Work>
auto with_manifest(const std::string& directory, Work&& work) {
  try {
    return work(checked_manifest(directory));
  } catch (const ordered_json::exception&) {
    fail(directory,
         fmt::format("has a {} that does not say all it should; write it again with the ekman-export of this Ekman",
                     k_artifact_manifest));
  }
}

ordered_json optimizer_of(const std::string& directory) {
  return parsed(directory, k_artifact_optimizer, text_of_file(directory, k_artifact_optimizer));
}

// Files of statistics lie beside the manifest.
void make_paths_whole(const std::string& directory, ordered_json& defaults) {
  if (!defaults.contains("normalize")) return;
  for (auto& field : defaults["normalize"])
    if (field.is_object() && field.contains("from"))
      field["from"] = fs::absolute(fs::path(directory) / field["from"].get<std::string>()).lexically_normal().string();
}

std::string tensor_words(const std::string& name, const ordered_json& tensor) {
  const bool frozen = !tensor.value("trainable", true);
  return fmt::format("    {:<32} {} {}{}", name, tensor.at("dtype").get<std::string>(), tensor.at("shape").dump(),
                     frozen ? ", frozen" : "");
}

void describe_tensors(const char* what, const ordered_json& tensors, std::vector<std::string>& lines) {
  if (tensors.empty()) return;
  std::int64_t values = 0;
  std::vector<std::string> each;
  for (const auto& [name, tensor] : tensors.items()) {
    std::int64_t size = 1;
    for (const auto& extent : tensor.at("shape")) size *= extent.get<std::int64_t>();
    values += size;
    each.push_back(tensor_words(name, tensor));
  }
  lines.push_back(fmt::format("{}: {} values in {} tensors", what, values, each.size()));
  lines.insert(lines.end(), each.begin(), each.end());
}

std::vector<std::string> names_that_are_true(const ordered_json& flags) {
  std::vector<std::string> names;
  for (const auto& [name, flag] : flags.items())
    if (flag.get<bool>()) names.push_back(name);
  return names;
}

}  // namespace

Artifact read_artifact(const std::string& directory) {
  return with_manifest(directory, [&](const ordered_json& manifest) {
    Artifact artifact;
    manifest.at("sha256").get_to(artifact.sha256);
    for (const auto& file : manifest.at("files").items()) artifact.files[file.key()] = file.value().get<std::string>();
    artifact.supports = names_that_are_true(manifest.at("supports"));
    ordered_json defaults = manifest.at("defaults");
    if (artifact.has(k_artifact_optimizer)) {
      const ordered_json optimizer = optimizer_of(directory);
      if (!optimizer.empty()) artifact.optimizer = optimizer.begin().key();
      defaults["training"]["optimizer"] = optimizer;
    }
    make_paths_whole(directory, defaults);
    artifact.defaults = defaults.dump();
    return artifact;
  });
}

std::vector<std::string> describe_artifact(const std::string& directory) {
  return with_manifest(directory, [&](const ordered_json& manifest) {
    const ordered_json &source = manifest.at("source"), &versions = manifest.at("versions"),
                       &defaults = manifest.at("defaults");
    std::vector<std::string> lines{
        fmt::format("from {} by {}, with kwargs {}", source.at("from").get<std::string>(),
                    source.at("how").get<std::string>(), source.at("kwargs").dump()),
        fmt::format("written with Ekman {}, PyTorch {}", versions.at("ekman").get<std::string>(),
                    versions.at("torch").get<std::string>()),
        "supports " + joined(names_that_are_true(manifest.at("supports")), ", ")};
    for (const char* side : {"inputs", "outputs"}) {
      for (const auto& argument : manifest.at(side))
        lines.push_back(fmt::format("{}: {} {} {}", side,
                                    joined(argument.at("fields").get<std::vector<std::string>>(), ", "),
                                    argument.at("dtype").get<std::string>(), argument.at("shape").dump()));
    }
    for (const char* key : {"sample", "compute", "normalize", "training"})
      if (defaults.contains(key)) lines.push_back(fmt::format("{}: {}", key, defaults[key].dump()));
    if (manifest.at("files").contains(k_artifact_optimizer))
      lines.push_back("optimizer: " + optimizer_of(directory).dump());
    describe_tensors("parameters", manifest.at("parameters"), lines);
    describe_tensors("buffers", manifest.value("buffers", ordered_json::object()), lines);
    for (const auto& file : manifest.at("files").items())
      lines.push_back(fmt::format("{}: {} bytes, sha256 {}", file.key(),
                                  fs::file_size(fs::path(directory) / file.key()), file.value().get<std::string>()));
    lines.push_back("sha256 of the manifest: " + manifest.at("sha256").get<std::string>());
    return lines;
  });
}

}  // namespace ekman
