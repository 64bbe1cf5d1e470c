// Words for the types of keys, and the reference of keys as Markdown.
#include <fmt/format.h>

#include "adapters/yaml/key_table.hpp"

namespace ekman {
namespace {

std::string join(const std::vector<std::string>& words, const char* last_separator) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? last_separator : ", ") + words[i];
  return text;
}

std::string notes(const Key& key) {
  if (!key.instead.empty()) return " *Will not be supported: " + key.instead + ".*";
  if (key.status == Status::not_yet) return " *Not supported yet.*";
  if (key.words_not_yet.empty()) return "";
  return " *Not supported yet: " + join(key.words_not_yet, ", ") + ".*";
}

}  // namespace

std::string expectation(const Key& key) {
  switch (key.type) {
    case KeyType::mapping:
      return "a mapping";
    case KeyType::named:
      return "a mapping of names";
    case KeyType::list:
      return "a list of mappings";
    case KeyType::text:
      return "a text";
    case KeyType::texts:
      return "a list of names";
    case KeyType::text_or_texts:
      return "a text or a list of texts";
    case KeyType::word:
      return join(key.words, " or ");
    case KeyType::word_or_mapping:
      return join(key.words, ", ") + " or a mapping";
    case KeyType::word_or_count:
      return join(key.words, ", ") + " or a whole number of at least 1";
    case KeyType::count:
    case KeyType::size:
      return "a whole number of at least 1";
    case KeyType::counts:
      return "a list of whole numbers of at least 1";
    case KeyType::whole:
      return "a whole number of at least 0";
    case KeyType::real:
      return "a number";
    case KeyType::reals:
      return "a list of numbers";
    case KeyType::duration:
      return "a duration such as PT10M, PT30S or P1DT6H";
    case KeyType::flag:
      return "on or off";
    case KeyType::values:
      return "a list";
  }
  return "";
}

std::string key_reference_markdown(const KeyTable& table) {
  std::string text = "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const Key& key : table.rows()) {
    const std::string fallback =
        key.fallback.empty() || key.fallback == k_required ? key.fallback : "`" + key.fallback + "`";
    text += fmt::format("| `{}` | {} | {} | {}{} |\n", key.path, expectation(key), fallback, key.sentence, notes(key));
  }
  return text;
}

}  // namespace ekman
