// The rows of the key table about built-in networks. Which of them belong to which network is in
// coupler/plan/builtin_networks.cpp.
#include "adapters/yaml/key_table.hpp"
#include "coupler/plan/builtin_networks.hpp"

namespace ekman {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const BuiltinNetwork& network : builtin_networks()) all.push_back(network.name);
  return all;
}

}  // namespace

const std::vector<Key>& builtin_keys() {
  using T = KeyType;
  static const std::vector<Key> rows{
      {"builtin", T::word, "", "A network that Ekman makes itself; `ekman networks` says what each is and takes.",
       names()},
      {"hidden", T::counts, "", "Widths of the hidden layers of the mlp, which must be given."},
      {"width", T::count, "32",
       "Values of a point between layers: of the blocks (resmlp), of all layers (fno), of the first level, and twice "
       "as "
       "many from level to level (unet)."},
      {"blocks", T::count, "2", "Blocks of the resmlp."},
      {"depth", T::count, "3",
       "Levels of the unet, of which each has half the points of the one before in both directions: sizes of the grid "
       "are multiples of 2^(depth - 1)."},
      {"modes", T::counts, "",
       "`[y, x]`: waves that the fno acts on, which must be given; at most half the points in each direction."},
      {"layers", T::count, "4", "Layers of the fno."},
      {"padding", T::mapping, "", "What lies beyond the edges of a grid, for unet and fno."},
      {"padding.y",
       T::word,
       "zero",
       "In y: zeros, or the other edge. An fno with zeros transforms an eighth more points, which it then cuts off.",
       {"zero", "periodic"}},
      {"padding.x", T::word, "zero", "In x.", {"zero", "periodic"}},
      {"activation",
       T::word,
       "relu",
       "Activation between layers of a built-in network.",
       {"relu", "tanh", "gelu", "silu", "sigmoid"}},
      {"seconds_per_forward", T::real, "0",
       "Seconds that sleep takes for each forward, which is one of a `tile`, whether all of it has points or not."},
      {"seconds_per_point", T::real, "0", "Seconds that sleep takes besides for each point of a tile."},
      {"busy", T::flag, "off",
       "Whether sleep keeps its core at work, as a network on a CPU does, or gives it away, as one on a GPU."},
      {"seed", T::whole, "0", "Seed of the first weights of a network that is built in or your own."},
      {"own", T::text, "", "Name of a C++ network of your own in `library`, see docs/networks.md."},
      {"library", T::text, "",
       "Shared library that has it, relative to the plan's folder; beside `checkpoint`: where it is now."},
      {"arguments", T::named, "", "What your own network is made with."},
      {"arguments.*", T::text_or_texts, "", "A text or number, or a list of them."},
  };
  return rows;
}

}  // namespace ekman
