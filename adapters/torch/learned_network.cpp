// Implements learned_network.hpp.
#include "adapters/torch/learned_network.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

using nlohmann::json;

// With the options that decide what there is to remember.
std::string optimizer_words(const OptimizerSpec& optimizer) {
  const OptimizerKind kind = optimizer.kind;
  const bool adam = kind == OptimizerKind::adam || kind == OptimizerKind::adamw,
             rmsprop = kind == OptimizerKind::rmsprop;
  std::string words = word_of(kind);
  if ((rmsprop || kind == OptimizerKind::sgd) && optimizer.momentum != 0.0) words += " with momentum";
  if (adam && optimizer.amsgrad) words += " with amsgrad";
  if (rmsprop && optimizer.centered) words += ", centered";
  return words;
}

std::vector<std::string> loss_words(const std::vector<LossTerm>& loss) {
  std::vector<std::string> words;
  for (const LossTerm& term : loss) words.push_back(name_of(term));
  return words;
}

json json_of(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
             const std::vector<std::string>& frozen) {
  json all;
  const NetworkSource& source = spec.source;
  if (source.kind == SourceKind::mlp) {
    all = {{"kind", "mlp"}, {"hidden", source.hidden}, {"activation", source.activation}, {"seed", source.seed}};
  } else {
    all = {{"kind", "torchscript"}, {"file", source.path}, {"sha256", source.sha256}};
  }
  all["inputs"] = in.row_len();
  all["outputs"] = out.row_len();
  all["compute"] = word_of(spec.compute);
  all["optimizer"] = optimizer_words(spec.training.optimizer);
  all["loss"] = loss_words(spec.training.loss);
  all["validation"] = spec.training.validation.fraction > 0.0;
  all["frozen"] = frozen;
  all["normalize"] = json::object();
  for (const auto& [field, constants] : spec.normalize) {
    if (constants.running) {
      all["normalize"][field] = "running";
    } else {
      all["normalize"][field] = {{"mean", constants.mean}, {"std", constants.std}};
    }
  }
  return all;
}

json parsed(const std::string& text) {
  const json all = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (all.is_object()) return all;
  throw Error(ErrorCode::network,
              "a learned state does not say what network it is of; take a whole checkpoint of Ekman");
}

std::string text_of(const json& object, const std::string& key) {
  return object.contains(key) ? object[key].dump() : std::string("not given");
}

// Of one normalised field, which may be on one side only.
std::string constants_of(const json& network, const std::string& field) {
  const json constants = network.value("normalize", json::object());
  return constants.contains(field) ? constants[field].dump() : "nothing";
}

}  // namespace

std::string network_json(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                         const std::vector<std::string>& frozen) {
  return json_of(spec, in, out, frozen).dump();
}

std::string network_difference(const std::string& text, const NetworkSpec& spec, const RowLayout& in,
                               const RowLayout& out, const std::vector<std::string>& frozen) {
  const json there = parsed(text), here = json_of(spec, in, out, frozen);
  for (const char* key : {"kind", "hidden", "activation", "inputs", "outputs", "compute"}) {
    if (text_of(there, key) == text_of(here, key)) continue;
    return fmt::format("\"{}\" is {} there, and {} here", key, text_of(there, key), text_of(here, key));
  }
  for (const char* key : {"optimizer", "loss"}) {
    if (text_of(there, key) == text_of(here, key)) continue;
    return fmt::format("`training.{}` is {} there, and {} here", key, text_of(there, key), text_of(here, key));
  }
  const bool held_out = text_of(there, "validation") == "true", holds_out = spec.training.validation.fraction > 0.0;
  if (held_out != holds_out)
    return fmt::format("it was learned {} `training.validation`, which is {} here", held_out ? "with" : "without",
                       holds_out ? "given" : "not given");
  if (text_of(there, "frozen") != text_of(here, "frozen"))
    return fmt::format("`training.trainable` and `training.frozen` leave {} frozen there, and {} here",
                       text_of(there, "frozen"), text_of(here, "frozen"));
  std::set<std::string> fields;
  for (const json& network : {there, here}) {
    const json normalize = network.value("normalize", json::object());
    for (const auto& entry : normalize.items()) fields.insert(entry.key());
  }
  for (const std::string& field : fields) {
    const std::string old = constants_of(there, field), now = constants_of(here, field);
    if (old != now) return fmt::format("`normalize` has {} for \"{}\" there, and {} here", old, field, now);
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
