// Implements learned_network.hpp.
#include "adapters/torch/learned_network.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "ekman/error.hpp"

namespace ekman {
namespace {

using nlohmann::json;

const char* optimizer_word(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::sgd:
      return "sgd";
    case OptimizerKind::adam:
      return "adam";
    case OptimizerKind::rmsprop:
      return "rmsprop";
    case OptimizerKind::adagrad:
      return "adagrad";
    case OptimizerKind::lbfgs:
      return "lbfgs";
    case OptimizerKind::adamw:
      break;
  }
  return "adamw";
}

const char* compute_word(Compute compute) {
  if (compute == Compute::bfloat16) return "bfloat16";
  return compute == Compute::float64 ? "float64" : "float32";
}

json json_of(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out) {
  json all;
  const NetworkSource& source = spec.source;
  if (source.kind == SourceKind::mlp) {
    all = {{"kind", "mlp"}, {"hidden", source.hidden}, {"activation", source.activation}, {"seed", source.seed}};
  } else {
    all = {{"kind", "torchscript"}, {"file", source.path}, {"sha256", source.sha256}};
  }
  all["inputs"] = in.row_len();
  all["outputs"] = out.row_len();
  all["compute"] = compute_word(spec.compute);
  all["optimizer"] = optimizer_word(spec.training.optimizer.kind);
  all["normalize"] = json::object();
  for (const auto& [field, constants] : spec.normalize)
    all["normalize"][field] = {{"mean", constants.mean}, {"std", constants.std}};
  return all;
}

json parsed(const std::string& text) {
  const json all = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (all.is_object()) return all;
  throw Error(ErrorCode::network,
              "a learned state does not say what network it is of; take a whole checkpoint of Ekman");
}

std::string text_of(const json& object, const std::string& key) {
  return object.contains(key) ? object[key].dump() : std::string("not there");
}

// Of one normalised field, which may be on one side only.
std::string constants_of(const json& network, const std::string& field) {
  const json constants = network.value("normalize", json::object());
  return constants.contains(field) ? constants[field].dump() : "not normalised";
}

}  // namespace

std::string network_json(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out) {
  return json_of(spec, in, out).dump();
}

std::string network_difference(const std::string& text, const NetworkSpec& spec, const RowLayout& in,
                               const RowLayout& out) {
  const json there = parsed(text), here = json_of(spec, in, out);
  for (const char* key : {"kind", "hidden", "activation", "inputs", "outputs", "compute", "optimizer"}) {
    if (text_of(there, key) == text_of(here, key)) continue;
    return fmt::format("\"{}\" is {} there, and {} here", key, text_of(there, key), text_of(here, key));
  }
  std::set<std::string> fields;
  for (const json& network : {there, here}) {
    const json normalize = network.value("normalize", json::object());
    for (const auto& entry : normalize.items()) fields.insert(entry.key());
  }
  for (const std::string& field : fields) {
    const auto found = spec.normalize.find(field);
    const std::string old = constants_of(there, field), now = constants_of(here, field);
    if (old == now || (found != spec.normalize.end() && found->second.running)) continue;
    return fmt::format("\"{}\" is normalised by {} there, and by {} here", field, old, now);
  }
  return "";
}

NetworkSource network_source(const std::string& text) {
  const json all = parsed(text);
  NetworkSource source;
  try {
    if (all.at("kind") == "mlp") {
      source.kind = SourceKind::mlp;
      all.at("hidden").get_to(source.hidden);
      all.at("activation").get_to(source.activation);
      all.at("seed").get_to(source.seed);
    } else {
      source.kind = SourceKind::torchscript;
      all.at("file").get_to(source.path);
      source.sha256 = all.value("sha256", "");
    }
  } catch (const json::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("a learned state does not say what network it is of ({}); take a whole checkpoint of Ekman",
                            error.what()));
  }
  return source;
}

}  // namespace ekman
