// Implements yaml_writing.hpp.
#include "adapters/yaml/yaml_writing.hpp"

#include "adapters/yaml/key_table.hpp"

namespace ekman {

Write mapping(const std::string& pattern, Values values, bool in_one_line) {
  return [=](YAML::Emitter& out) {
    if (in_one_line) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const Key* key : keys_below(pattern)) {
      const auto found = values.find(key->name());
      const bool has_default = !key->fallback.empty() && key->fallback != k_required;
      if (found != values.end() && found->second) {
        out << YAML::Key << key->name() << YAML::Value;
        found->second(out);
      } else if (found == values.end() && has_default) {
        out << YAML::Key << key->name() << YAML::Value << key->fallback;
      }
    }
    out << YAML::EndMap;
  };
}

}  // namespace ekman
