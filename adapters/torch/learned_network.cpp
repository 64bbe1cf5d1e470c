// Implements learned_network.hpp.
#include "adapters/torch/learned_network.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "coupler/plan/builtin_networks.hpp"
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

const char* switch_word(bool on) { return on ? "on" : "off"; }

// {"adamw": {"lr": 0.001, ...}}: what stands under `training.optimizer` of a plan, every option of the kind.
json options_json(const OptimizerSpec& of) {
  json options{{"lr", of.lr}};
  if (of.kind == OptimizerKind::lbfgs) {
    options.update({{"history_size", of.history},
                    {"tolerance_grad", of.tolerance_grad},
                    {"tolerance_change", of.tolerance_change}});
    return {{word_of(of.kind), options}};
  }
  options["weight_decay"] = of.weight_decay;
  if (of.kind != OptimizerKind::sgd) options["eps"] = of.eps;
  switch (of.kind) {
    case OptimizerKind::sgd:
      options.update({{"momentum", of.momentum}, {"dampening", of.dampening}, {"nesterov", switch_word(of.nesterov)}});
      break;
    case OptimizerKind::rmsprop:
      options.update({{"alpha", of.alpha}, {"momentum", of.momentum}, {"centered", switch_word(of.centered)}});
      break;
    case OptimizerKind::adagrad:
      options.update({{"lr_decay", of.lr_decay}, {"initial_accumulator_value", of.initial_accumulator}});
      break;
    default:
      options.update({{"betas", {of.beta1, of.beta2}}, {"amsgrad", switch_word(of.amsgrad)}});
  }
  return {{word_of(of.kind), options}};
}

std::vector<std::string> loss_words(const std::vector<LossTerm>& loss) {
  std::vector<std::string> words;
  for (const LossTerm& term : loss) words.push_back(name_of(term));
  return words;
}

// A number where the text is how one is written, so that it comes back as it was.
json value_json(const std::string& text) {
  const json number = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return number.is_number() && number.dump() == text ? number : json(text);
}

std::string value_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// Keys of the user's own network are all its own; in those of Ekman's "padding.x" is x below padding.
json arguments_json(const NetworkSource& source) {
  json all = json::object();
  for (const auto& [key, argument] : source.arguments) {
    json value = json::array();
    for (const std::string& text : argument.values) value.push_back(value_json(text));
    if (!argument.is_list) value = json(value.at(0));
    const std::size_t dot = source.is_own() ? std::string::npos : key.find('.');
    if (dot == std::string::npos) {
      all[key] = value;
    } else {
      all[key.substr(0, dot)][key.substr(dot + 1)] = value;
    }
  }
  return all;
}

void read_arguments(const json& all, const std::string& prefix, ArgumentMap& arguments) {
  for (const auto& entry : all.items()) {
    if (entry.value().is_object()) {
      read_arguments(entry.value(), prefix + entry.key() + ".", arguments);
      continue;
    }
    NetworkArgument& argument = arguments[prefix + entry.key()];
    argument.is_list = entry.value().is_array();
    if (!argument.is_list) argument.values = {value_text(entry.value())};
    for (const json& value : argument.is_list ? entry.value() : json::array())
      argument.values.push_back(value_text(value));
  }
}

// One for all levels is a number, else there is a list of them.
json numbers_json(const std::vector<double>& numbers) {
  return numbers.size() == 1 ? json(numbers.front()) : json(numbers);
}

json json_of(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
             const std::vector<std::string>& frozen) {
  json all;
  const NetworkSource& source = spec.source;
  if (source.kind == SourceKind::builtin) {
    all = {{"kind", "builtin"}, {"name", source.name}, {"arguments", arguments_json(source)}, {"seed", source.seed}};
    if (source.is_own()) all["library"] = std::filesystem::absolute(source.library).lexically_normal().string();
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
      all["normalize"][field] = {{"mean", numbers_json(constants.mean)}, {"std", numbers_json(constants.std)}};
    }
  }
  return all;
}

json parsed(const std::string& text) {
  json all = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (all.is_object()) {
    if (all.value("kind", json()) != "mlp") return all;
    all["kind"] = "builtin";
    all["name"] = "mlp";
    for (const char* key : {"hidden", "activation"})
      if (all.contains(key)) all["arguments"][key] = all[key];
    return all;
  }
  throw Error(ErrorCode::network,
              "a learned state does not say what network it is of; take a whole checkpoint of Ekman");
}

std::string text_of(const json& object, const std::string& key) {
  return object.contains(key) ? object[key].dump() : std::string("not given");
}

std::string arguments_difference(const json& there, const json& here) {
  const json old = there.value("arguments", json::object()), now = here.value("arguments", json::object());
  std::set<std::string> keys;
  for (const json& arguments : {old, now})
    for (const auto& entry : arguments.items()) keys.insert(entry.key());
  for (const std::string& key : keys) {
    if (text_of(old, key) == text_of(now, key)) continue;
    return fmt::format("\"{}\" is {} there, and {} here", key, text_of(old, key), text_of(now, key));
  }
  return "";
}

// Of one normalised field, which may be on one side only.
std::string constants_of(const json& constants, const std::string& field) {
  if (!constants.contains(field)) return "nothing";
  const json& given = constants[field];
  const bool by_level = given.is_object() && given.value("mean", json()).is_array();
  return by_level ? fmt::format("mean and std of {} levels, the first {} and {}", given["mean"].size(),
                                given["mean"].front().dump(), given["std"].front().dump())
                  : given.dump();
}

void must_have_all_arguments(const NetworkSource& source) {
  if (source.is_own()) return;
  const BuiltinNetwork* builtin = find_builtin(source.name);
  if (builtin == nullptr)
    throw Error(ErrorCode::network,
                fmt::format("a learned state is of the built-in network \"{}\", which this Ekman has not; take the "
                            "Ekman that wrote it",
                            source.name));
  for (const std::string& key : builtin->keys) {
    const bool is_word = key == "activation" || key.rfind("padding.", 0) == 0;
    is_word ? void(text_argument(source, key)) : void(integers_argument(source, key));
  }
}

}  // namespace

std::string network_json(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                         const std::vector<std::string>& frozen, const std::vector<std::string>& complex) {
  json all = json_of(spec, in, out, frozen);
  all["optimizer_options"] = options_json(spec.training.optimizer);
  all["complex"] = complex;
  return all.dump();
}

std::string network_difference(const std::string& text, const NetworkSpec& spec, const RowLayout& in,
                               const RowLayout& out, const std::vector<std::string>& frozen) {
  const json there = parsed(text), here = json_of(spec, in, out, frozen);
  for (const char* key : {"kind", "name", "inputs", "outputs", "compute"}) {
    if (text_of(there, key) == text_of(here, key)) continue;
    return fmt::format("\"{}\" is {} there, and {} here", key, text_of(there, key), text_of(here, key));
  }
  const std::string arguments = arguments_difference(there, here);
  if (!arguments.empty()) return arguments;
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
  const json old = there.value("normalize", json::object()), now = here.value("normalize", json::object());
  std::set<std::string> fields;
  for (const json& normalize : {old, now})
    for (const auto& entry : normalize.items()) fields.insert(entry.key());
  for (const std::string& field : fields) {
    if (text_of(old, field) == text_of(now, field)) continue;
    return fmt::format("`normalize` has {} for \"{}\" there, and {} here", constants_of(old, field), field,
                       constants_of(now, field));
  }
  return "";
}

std::map<std::string, Normalization> network_constants(const std::string& text) {
  const json all = parsed(text);
  std::map<std::string, Normalization> constants;
  const auto numbers = [](const json& given) {
    return given.is_array() ? given.get<std::vector<double>>() : std::vector<double>{given.get<double>()};
  };
  try {
    const json normalize = all.value("normalize", json::object());
    for (const auto& [field, given] : normalize.items())
      if (given.is_object()) constants[field] = {numbers(given.at("mean")), numbers(given.at("std")), false, ""};
  } catch (const json::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("a learned state does not say how its network normalises ({}); take a whole checkpoint of "
                            "Ekman",
                            error.what()));
  }
  return constants;
}

NetworkSource network_source(const std::string& text) {
  const json all = parsed(text);
  NetworkSource source;
  try {
    if (all.at("kind") == "builtin") {
      source.kind = SourceKind::builtin;
      all.at("name").get_to(source.name);
      read_arguments(all.at("arguments"), "", source.arguments);
      all.at("seed").get_to(source.seed);
      source.library = all.value("library", "");
      must_have_all_arguments(source);
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

RowLengths network_lengths(const std::string& text) {
  const json all = parsed(text);
  const auto length = [&](const char* key) {
    return all.contains(key) && all[key].is_number_integer() ? all[key].get<std::int64_t>() : 0;
  };
  return {length("inputs"), length("outputs")};
}

}  // namespace ekman
