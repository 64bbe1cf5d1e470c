// THE key table: every key of the plan with its type, default and meaning. The parser, its errors and the
// reference in configs/README.md come from it; adding a key starts here.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

namespace ekman {

enum class KeyType {
  mapping,  // keys of this table
  named,    // a mapping whose keys the user chooses
  list,     // a list of mappings
  text,
  texts,  // a list of texts, not empty
  text_or_texts,
  word,  // one of `words`
  word_or_mapping,
  word_or_count,
  count,   // a whole number, 1 to 10^9
  size,    // a whole number, 1 to 10^15
  counts,  // a list of counts
  whole,   // a whole number of at least 0
  real,
  reals,     // a list of numbers, not empty
  duration,  // ISO 8601, of fixed length
  flag,      // on or off
  values,    // a list of anything, not empty
};

enum class Status { supported, not_yet };

struct Key {
  std::string path;  // `*` is a name of the user's, `[]` an entry of a list
  KeyType type;
  std::string fallback;  // the default as text; k_required if the key must be given; empty if absence means absence
  std::string sentence;
  std::vector<std::string> words = {};
  Status status = Status::supported;
  std::vector<std::string> words_not_yet = {};
  std::string spared_by = {};  // "network: none": a key that must be given need not be where one beside it is this
  std::string instead = {};    // of a key that is not there and will not come: what to do

  std::string name() const { return path.substr(path.rfind('.') + 1); }
  std::string parent() const { return path.find('.') == std::string::npos ? "" : path.substr(0, path.rfind('.')); }
};

extern const char* const k_required;

// The keys of one kind of file.
class KeyTable {
 public:
  // `document`: what messages call such a file, "plan"; `reference`: the command that prints these rows.
  KeyTable(const char* document, const char* reference, std::vector<Key> rows);
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  const char* document() const { return document_; }
  const char* reference() const { return reference_; }
  const std::vector<Key>& rows() const { return rows_; }
  // The row of `path`, or null.
  const Key* find(const std::string& path) const;
  // Rows directly below `parent`; "" for the root.
  const std::vector<const Key*>& below(const std::string& parent) const;

 private:
  const char* document_;
  const char* reference_;
  std::vector<Key> rows_;
  std::unordered_map<std::string, const Key*> by_path_;
  std::unordered_map<std::string, std::vector<const Key*>> by_parent_;
};

const KeyTable& plan_keys();
const KeyTable& study_keys();  // of `ekman sweep`

// Those of plans.
const std::vector<Key>& key_table();

// The part of it below networks.*.training, with paths from there.
const std::vector<Key>& training_keys();

// The part of it below networks.*.network that makes built-in networks, and those of the user's own.
const std::vector<Key>& builtin_keys();

// Adds `rows`, each with `prefix` before its path.
void add_rows(std::vector<Key>& table, const std::string& prefix, const std::vector<Key>& rows);

// plan_keys().find() and .below().
const Key* find_key(const std::string& path);
const std::vector<const Key*>& keys_below(const std::string& parent);

// What values of a key may be, as in "must be ...".
std::string expectation(const Key& key);

// A table as Markdown.
std::string key_reference_markdown(const KeyTable& table = plan_keys());

// The table of plans as a JSON schema, draft 2020-12.
std::string key_schema_json();

}  // namespace ekman
