// Implements artifact_defaults.hpp.
#include "adapters/yaml/artifact_defaults.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/yaml/check_keys.hpp"
#include "adapters/yaml/tree_values.hpp"
#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

Tree* find(Tree& tree, const std::string& key) {
  const auto found =
      std::find_if(tree.entries.begin(), tree.entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == tree.entries.end() ? nullptr : &found->value;
}

bool has_field(const Tree& arguments, const std::string& field) {
  return std::any_of(arguments.items.begin(), arguments.items.end(), [&](const Tree& argument) {
    const std::vector<std::string> fields = texts_of(child(argument, "fields"));
    return std::find(fields.begin(), fields.end(), field) != fields.end();
  });
}

// An empty value of the plan becomes a mapping.
Tree& mapping_below(Tree& tree, const std::string& key, Position position) {
  if (tree.kind == Tree::Kind::nothing) tree.kind = Tree::Kind::mapping;
  Tree* found = find(tree, key);
  if (found == nullptr) {
    tree.entries.push_back({key, position, Tree{}});
    found = &tree.entries.back().value;
    found->position = position;
  }
  if (found->kind == Tree::Kind::nothing) found->kind = Tree::Kind::mapping;
  return *found;
}

void place_at(Tree& tree, Position position) {
  tree.position = position;
  for (Tree& item : tree.items) place_at(item, position);
  for (Entry& entry : tree.entries) {
    entry.position = position;
    place_at(entry.value, position);
  }
}

// As values: 0.10 is 1e-1.
bool same(const Tree& a, const Tree& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size() || a.entries.size() != b.entries.size()) return false;
  const auto number = parse_real(a.scalar), other = parse_real(b.scalar);
  if (number && other ? *number != *other : a.scalar != b.scalar) return false;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), same) &&
         std::all_of(a.entries.begin(), a.entries.end(), [&](const Entry& entry) {
           const Tree* there = b.find(entry.key);
           return there != nullptr && same(entry.value, *there);
         });
}

// In flow style, for one line.
std::string words_of(const Tree& tree) {
  std::vector<std::string> parts;
  if (tree.kind == Tree::Kind::list) {
    for (const Tree& item : tree.items) parts.push_back(words_of(item));
    return "[" + joined(parts, ", ") + "]";
  }
  if (tree.kind != Tree::Kind::mapping) return tree.scalar;
  for (const Entry& entry : tree.entries) parts.push_back(entry.key + ": " + words_of(entry.value));
  return "{" + joined(parts, ", ") + "}";
}

// One network of the plan and its artifact.
class Merging {
 public:
  Merging(Tree& network, const std::string& path, Position position, Diagnostics& diagnostics)
      : network_(network), path_(path), position_(position), diagnostics_(diagnostics) {}

  void merge(Tree& defaults) {
    for (Entry& entry : defaults.entries) {
      if (entry.key == "normalize") {
        auto& fields = entry.value.entries;
        fields.erase(
            std::remove_if(fields.begin(), fields.end(), [&](const Entry& field) { return !takes(field.key); }),
            fields.end());
        if (!fields.empty())
          each(entry.value, mapping_below(network_, entry.key, position_), path_ + ".normalize", "normalize.");
      } else if (entry.key != "training" && entry.key != "fields") {
        one(entry, network_, path_, "");
      }
    }
    Tree* const training = find(network_, "training");
    Tree* const learned = find(defaults, "training");
    if (learned != nullptr && training != nullptr && training->kind != Tree::Kind::list)
      merge_training(*training, *learned);
  }

  // Levels of the fields of `side`, if the plan has no others there.
  bool gives(const std::string& side) const { return std::find(given_.begin(), given_.end(), side) != given_.end(); }

  void tell(const std::string& name, const std::string& directory) const {
    std::string sentence = fmt::format("network \"{}\" has from the artifact {}: {}", name, directory,
                                       given_.empty() ? "the network alone" : joined(given_, ", "));
    diagnostics_.add(position_, path_, sentence, Severity::note);
  }

 private:
  // Fields may be others than the artifact's.
  bool takes(const std::string& field) const {
    return has_field(child(network_, "inputs"), field) || has_field(child(network_, "outputs"), field);
  }

  // `from` into `to`, if it is not there.
  void one(Entry& from, Tree& to, const std::string& path, const std::string& prefix) {
    const Tree* there = to.find(from.key);
    if (there == nullptr) {
      given_.push_back(prefix + from.key);
      to.entries.push_back(std::move(from));
    } else if (!same(*there, from.value)) {
      diagnostics_.add(there->position, path,
                       fmt::format("`{}` is {} here, in place of {} of the artifact", prefix + from.key,
                                   words_of(*there), words_of(from.value)),
                       Severity::note);
    }
  }

  void each(Tree& from, Tree& to, const std::string& path, const std::string& prefix) {
    if (to.kind != Tree::Kind::mapping) return;  // is reported
    for (Entry& entry : from.entries) one(entry, to, path, prefix);
  }

  void merge_training(Tree& training, Tree& learned) {
    if (training.kind == Tree::Kind::nothing) training.kind = Tree::Kind::mapping;
    if (training.kind != Tree::Kind::mapping) return;
    const std::string path = path_ + ".training", prefix = "training.";
    const Tree* const tape = network_.find("tape");
    const bool has_adjoints = tape != nullptr && tape->scalar != "0";
    // What learns is one thing, said by two lists.
    const bool selects = training.find("trainable") != nullptr || training.find("frozen") != nullptr;
    for (Entry& entry : learned.entries) {
      if (entry.key == "optimizer") {
        merge_optimizer(entry, training, path);
      } else if (entry.key == "loss" && has_adjoints) {
        continue;  // the component has it
      } else if (entry.key != "trainable" && entry.key != "frozen") {
        one(entry, training, path, prefix);
      } else if (!selects || training.find(entry.key) != nullptr) {
        one(entry, training, path, prefix);
      }
    }
  }

  // The options of another kind are of no use.
  void merge_optimizer(Entry& from, Tree& training, const std::string& path) {
    Tree* const there = find(training, from.key);
    if (there == nullptr) return one(from, training, path, "training.");
    for (Entry& kind : from.value.entries) {
      Tree* const same_kind = find(*there, kind.key);
      if (same_kind == nullptr) return one(from, training, path, "training.");
      if (same_kind->kind == Tree::Kind::nothing) same_kind->kind = Tree::Kind::mapping;
      each(kind.value, *same_kind, path + ".optimizer." + kind.key, "training.optimizer." + kind.key + ".");
    }
  }

  Tree& network_;
  std::string path_;
  Position position_;
  Diagnostics& diagnostics_;
  std::vector<std::string> given_;
};

// Levels of the fields in the arguments that the artifact gives, into those of the component.
void add_levels(Tree& component, const Tree& arguments, const Tree& fields, Position position) {
  for (const Tree& argument : arguments.items) {
    for (const Tree& field : child(argument, "fields").items) {
      const Tree* const known = fields.find(field.scalar);
      if (known == nullptr || (component.kind != Tree::Kind::mapping && component.kind != Tree::Kind::nothing))
        continue;
      Tree& all = mapping_below(component, "fields", position);
      if (all.kind != Tree::Kind::mapping) continue;
      Tree& here = mapping_below(all, field.scalar, position);
      for (const Entry& entry : known->entries)
        if (here.kind == Tree::Kind::mapping && here.find(entry.key) == nullptr) here.entries.push_back(entry);
    }
  }
}

void check_support(const Tree& network, const std::string& path, const std::string& directory, const Artifact& artifact,
                   Diagnostics& diagnostics) {
  const auto supports = [&](const char* what) {
    return std::find(artifact.supports.begin(), artifact.supports.end(), what) != artifact.supports.end();
  };
  const auto refuse = [&](const Tree& value, const std::string& key, const std::string& what) {
    diagnostics.locate(path + "." + key, value.position);
    diagnostics.add(value.position, path + "." + key,
                    fmt::format("`{}: {}` asks for more than the artifact {} supports, which does not declare {}; take "
                                "another value, or export it where that can be tried, or with --declare",
                                key, value.scalar, directory, what));
  };
  const Tree &compute = child(network, "compute"), &graph = child(network, "cuda_graph");
  const std::string device = child(network, "device").scalar;
  const bool on_cpu = device == "cpu", on_gpu = device.rfind("cuda", 0) == 0;
  if (compute.scalar == "bfloat16") {
    const bool enough = on_cpu   ? supports("amp_cpu")
                        : on_gpu ? supports("amp_gpu")
                                 : supports("amp_cpu") || supports("amp_gpu");
    if (!enough) refuse(compute, "compute", on_cpu ? "amp_cpu" : on_gpu ? "amp_gpu" : "amp_cpu or amp_gpu");
  }
  if (compute.scalar == "float16" && !supports("amp_gpu")) refuse(compute, "compute", "amp_gpu");
  if (graph.scalar == "on" && !supports("cuda_graphs")) refuse(graph, "cuda_graph", "cuda_graphs");
}

}  // namespace

std::map<std::string, Artifact> add_artifact_defaults(Tree& root, const std::string& plan_file,
                                                      const ReadArtifact& read_artifact, Diagnostics& diagnostics) {
  std::map<std::string, Artifact> artifacts;
  Tree* const networks = find(root, "networks");
  if (networks == nullptr) return artifacts;
  for (Entry& entry : networks->entries) {
    Tree* const named = entry.value.find("network") ? find(*find(entry.value, "network"), "artifact") : nullptr;
    if (!is_mine(entry.key) || named == nullptr || named->kind != Tree::Kind::scalar || named->scalar.empty()) continue;
    const Position position = named->position;
    const std::string directory = beside_plan(plan_file, named->scalar), path = "networks." + entry.key;
    Artifact artifact;
    try {
      artifact = read_artifact(directory);
    } catch (const Error& error) {
      diagnostics.fail(position, error.what());
    }
    Diagnostics own(directory + "/" + k_artifact_manifest);
    Tree defaults = load_tree(artifact.defaults, own);
    place_at(defaults, position);
    const std::string component = child(entry.value, "component").scalar;
    const Tree fields = child(defaults, "fields");
    Merging merging(entry.value, path, position, diagnostics);
    merging.merge(defaults);
    for (const char* side : {"inputs", "outputs"}) {
      if (!merging.gives(side)) continue;
      Tree* const components = find(root, "components");
      Tree* const one = components == nullptr ? nullptr : find(*components, component);
      if (one != nullptr) add_levels(*one, child(entry.value, side), fields, position);
    }
    if (const Tree* training = entry.value.find("training"); training != nullptr && !artifact.has(k_artifact_train)) {
      diagnostics.add(training->position, path + ".training",
                      fmt::format("network \"{}\" cannot learn: the artifact {} has no {}, since it was exported for "
                                  "inference only; export it with --loss, or take out `training`",
                                  entry.key, directory, k_artifact_train));
    }
    check_support(entry.value, path, directory, artifact, diagnostics);
    merging.tell(entry.key, directory);
    artifacts.emplace(entry.key, std::move(artifact));
  }
  return artifacts;
}

}  // namespace ekman
