// Implements own_network.hpp.
#include "adapters/torch/own_network.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "coupler/base/joined.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "ekman/error.hpp"

namespace ekman {

MakeNetwork find_own_network(const std::string& network, const NetworkSource& source) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::network, fmt::format("network \"{}\": library {} {}", network, source.library, what));
  };
  // With a folder in its name, since the linker would look for others in places of its own.
  const std::string path = std::filesystem::absolute(source.library).string();
  if (!std::filesystem::exists(path)) fail("is not there; build it, and name it relative to the plan's folder");
  // Never closed: its network has code there.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    fail(fmt::format("cannot be loaded ({}); build it with the LibTorch of Ekman, which is " TORCH_VERSION, dlerror()));
  using Find = const NetworkTable* (*)();
  const auto find = reinterpret_cast<Find>(dlsym(library, "ekman_networks"));
  if (find == nullptr)
    fail("has no function ekman_networks; define it as <ekman/network.hpp> says, and do not hide it");
  const NetworkTable* const table = find();
  if (table == nullptr || table->version != k_network_interface)
    fail(fmt::format("was built with another <ekman/network.hpp> (version {}, and this Ekman has {}); build it anew",
                     table == nullptr ? 0 : table->version, k_network_interface));
  if (std::strcmp(table->libtorch, TORCH_VERSION) != 0)
    fail(fmt::format("was built with LibTorch {}, and Ekman with {}; build both with the same", table->libtorch,
                     TORCH_VERSION));
  const std::vector<NamedNetwork>& all = table->networks;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == source.name; });
  if (found == all.end()) {
    std::vector<std::string> names;
    for (const NamedNetwork& one : all) names.push_back(one.name);
    fail(fmt::format("has no network \"{}\"{}", source.name,
                     did_you_mean(source.name, names, fmt::format("; it has {}", joined(names, ", ")))));
  }
  return found->make;
}

}  // namespace ekman
