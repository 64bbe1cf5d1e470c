// Implements networks.hpp.
#include "coupler/command/networks.hpp"

#include <fmt/format.h>

#include "adapters/yaml/key_table.hpp"
#include "coupler/plan/builtin_networks.hpp"

namespace ekman {

std::string networks_text() {
  std::string text;
  for (const BuiltinNetwork& network : builtin_networks()) {
    text += fmt::format("{}{}: {}{}\n", text.empty() ? "" : "\n", network.name, network.sentence,
                        network.needs_grid ? " Needs `sample: grid`." : "");
    std::vector<std::string> names = network.keys;
    if (network.is_computed) names.emplace_back("seed");
    for (const std::string& name : names) {
      const Key& key = *find_key("networks.*.network." + name);
      const std::string fallback = key.fallback.empty() ? "must be given" : "default " + key.fallback;
      text +=
          fmt::format("  {:<19}  {}; {}\n                       {}\n", name, expectation(key), fallback, key.sentence);
    }
  }
  return text +
         "\nA network of your own in C++: `network: {own: NAME, library: FILE, arguments: {...}}`, see "
         "docs/networks.md.\n";
}

}  // namespace ekman
