// The key table as a JSON schema (draft 2020-12), for editors that complete and check YAML as one types.
#include <fmt/format.h>

#include <algorithm>

#include "adapters/yaml/key_table.hpp"

namespace ekman {
namespace {

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + "\"";
}

// The words that are supported.
std::string words_of(const Key& key) {
  std::string list;
  for (const std::string& word : key.words) {
    const bool is_supported =
        std::find(key.words_not_yet.begin(), key.words_not_yet.end(), word) == key.words_not_yet.end();
    if (is_supported) list += (list.empty() ? "" : ", ") + quoted(word);
  }
  return "{\"enum\": [" + list + "]}";
}

std::string list_of(const std::string& items) {
  return fmt::format("{{\"type\": \"array\", \"minItems\": 1, \"items\": {}}}", items);
}

std::string any_of(const std::string& a, const std::string& b) { return fmt::format("{{\"anyOf\": [{}, {}]}}", a, b); }

std::string indented(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "  ";
  }
  return result;
}

std::string schema_of(const Key& key);

// The mapping whose keys are below `pattern`. Names that start with x- are everyone's own.
std::string mapping_of(const std::string& pattern) {
  std::string properties, required, others = "false";
  for (const Key* key : keys_below(pattern)) {
    if (key->status == Status::not_yet && key->fallback.empty()) continue;
    if (key->name() == "*") {
      others = schema_of(*key);
      continue;
    }
    properties += fmt::format("{}\n{}: {}", properties.empty() ? "" : ",", quoted(key->name()), schema_of(*key));
    if (key->fallback == k_required && key->spared_by.empty())
      required += (required.empty() ? "" : ", ") + quoted(key->name());
  }
  const std::string empty_too = required.empty() ? "[\"object\", \"null\"]" : "\"object\"";
  return indented(fmt::format("{{\n\"type\": {},\n\"properties\": {{{}}},\n\"required\": [{}],\n"
                              "\"patternProperties\": {{\"^x-\": true}},\n\"additionalProperties\": {}",
                              empty_too, indented(properties), required, others)) +
         "\n}";
}

// What fits() of check_keys.cpp accepts, as far as a schema can say it.
std::string type_of(const Key& key) {
  const std::string text = R"({"type": ["string", "number"]})", count = R"({"type": "integer", "minimum": 1})";
  switch (key.type) {
    case KeyType::mapping:
    case KeyType::named:
      return mapping_of(key.path);
    case KeyType::list:
      return list_of(mapping_of(key.path + "[]"));
    case KeyType::text:
      return text;
    case KeyType::texts:
      return list_of(text);
    case KeyType::text_or_texts:
      return any_of(text, list_of(text));
    case KeyType::word:
      return words_of(key);
    case KeyType::word_or_mapping:
      return key.words == key.words_not_yet ? mapping_of(key.path) : any_of(words_of(key), mapping_of(key.path));
    case KeyType::word_or_count:
      return any_of(words_of(key), count);
    case KeyType::count:
    case KeyType::size:
      return count;
    case KeyType::counts:
      return list_of(count);
    case KeyType::whole:
      return R"({"type": "integer", "minimum": 0})";
    case KeyType::real:
      return R"({"type": "number"})";
    case KeyType::reals:
      return list_of(R"({"type": "number"})");
    case KeyType::duration:
      return R"({"type": "string", "pattern": "^P(?!$)([0-9.]+D)?(T(?!$)([0-9.]+H)?([0-9.]+M)?([0-9.]+S)?)?$"})";
    case KeyType::flag:
      return R"({"enum": ["on", "off"]})";
    case KeyType::values:
      return R"({"type": "array", "minItems": 1})";
  }
  return "{}";
}

// Keys that are not supported yet take their default, and nothing else.
std::string default_of(const Key& key) {
  const bool is_number = key.type == KeyType::whole || key.type == KeyType::count || key.type == KeyType::real;
  return fmt::format("{{\"const\": {}}}", is_number ? key.fallback : quoted(key.fallback));
}

std::string schema_of(const Key& key) {
  const std::string notes = key.fallback.empty() || key.fallback == k_required ? "" : " Default: " + key.fallback + ".";
  const std::string type = key.path == "ekman"             ? R"({"const": 1})"
                           : key.status == Status::not_yet ? default_of(key)
                                                           : type_of(key);
  return fmt::format("{{\"description\": {},{}{}", quoted(key.sentence + notes), type[1] == '\n' ? "" : " ",
                     type.substr(1));
}

}  // namespace

std::string key_schema_json() {
  const std::string root = mapping_of("");
  return fmt::format(
      "{{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
      "  \"title\": \"A plan of Ekman\",{}\n",
      root.substr(1));
}

}  // namespace ekman
