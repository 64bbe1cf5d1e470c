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

bool has_field(const Tree& arguments, const std::string& field) {
  return std::any_of(arguments.items.begin(), arguments.items.end(), [&](const Tree& argument) {
    const std::vector<std::string> fields = texts_of(child(argument, "fields"));
    return std::find(fields.begin(), fields.end(), field) != fields.end();
  });
}

// An empty value of the plan becomes a mapping.
Tree& mapping_below(Tree& tree, const std::string& key, Position position) {
  if (tree.kind == Tree::Kind::nothing) tree.kind = Tree::Kind::mapping;
  Tree* found = tree.find(key);
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

// Arguments may spell out what is the default.
Tree without_plain_combine(Tree arguments) {
  for (Tree& argument : arguments.items) {
    auto& entries = argument.entries;
    const auto is_plain = [](const Entry& entry) { return entry.key == "combine" && entry.value.scalar == "concat"; };
    entries.erase(std::remove_if(entries.begin(), entries.end(), is_plain), entries.end());
  }
  return arguments;
}

// One network of the plan and its artifact.
class Merging {
 public:
  Merging(Tree& network, const std::string& path, Position position, Diagnostics& diagnostics)
      : network_(network), path_(path), position_(position), diagnostics_(diagnostics) {}

  void merge(Tree& defaults) {
    for (Entry& entry : defaults.entries) {
      if (entry.key == "normalize") {
        merge_normalize(entry);
      } else if (entry.key != "training" && entry.key != "fields") {
        one(entry, network_, path_, "");
      }
    }
    Tree* const training = network_.find("training");
    Tree* const learned = defaults.find("training");
    if (learned != nullptr && training != nullptr && training->kind != Tree::Kind::list)
      merge_training(*training, *learned);
  }

  // The names of what the plan has from it.
  const std::vector<std::string>& given() const { return given_; }

 private:
  void note(Position position, const std::string& path, const std::string& sentence) {
    diagnostics_.add(position, path, sentence, Severity::note);
  }

  // `from` into `to`, if it is not there.
  void one(Entry& from, Tree& to, const std::string& path, const std::string& prefix) {
    const Tree* there = to.find(from.key);
    if (there == nullptr) {
      given_.push_back(prefix + from.key);
      to.entries.push_back(std::move(from));
    } else if (!same(without_plain_combine(*there), without_plain_combine(from.value))) {
      note(there->position, path,
           fmt::format("`{}` is {} here, in place of {} of the artifact", prefix + from.key, words_of(*there),
                       words_of(from.value)));
    }
  }

  // Fields may be others than the artifact's.
  void merge_normalize(Entry& from) {
    auto& fields = from.value.entries;
    const auto is_taken = [&](const Entry& field) {
      return has_field(child(network_, "inputs"), field.key) || has_field(child(network_, "outputs"), field.key);
    };
    const auto left = std::stable_partition(fields.begin(), fields.end(), is_taken);
    for (auto field = left; field != fields.end(); ++field) {
      diagnostics_.add(position_, path_ + ".normalize",
                       fmt::format("field \"{}\" is not among the inputs and outputs here, so its normalisation in the "
                                   "artifact has no effect; give the field in its place its own under `normalize`",
                                   field->key),
                       Severity::warning);
    }
    fields.erase(left, fields.end());
    if (fields.empty()) return;
    Tree& to = mapping_below(network_, from.key, position_);
    if (to.kind != Tree::Kind::mapping) return;  // is reported
    for (Entry& field : fields) one(field, to, path_ + ".normalize", "normalize.");
  }

  void merge_training(Tree& training, Tree& learned) {
    if (training.kind == Tree::Kind::nothing) training.kind = Tree::Kind::mapping;
    if (training.kind != Tree::Kind::mapping) return;
    const std::string path = path_ + ".training", prefix = "training.";
    const Tree* const tape = network_.find("tape");
    const bool has_adjoints = tape != nullptr && tape->scalar != "0";
    for (Entry& entry : learned.entries) {
      if (entry.key == "optimizer") {
        merge_optimizer(entry, training, path);
      } else if (entry.key == "trainable" || entry.key == "frozen") {
        merge_selection(entry, training, path);
      } else if (entry.key != "loss") {
        one(entry, training, path, prefix);
      } else if (!has_adjoints) {  // else the component has it
        merge_loss(entry, training, path);
      }
    }
  }

  // What learns is one thing, said by two lists.
  void merge_selection(Entry& from, Tree& training, const std::string& path) {
    const std::string other = from.key == "frozen" ? "trainable" : "frozen";
    const Tree* const said = training.find(other);
    const bool is_artifacts = std::find(given_.begin(), given_.end(), "training." + other) != given_.end();
    if (training.find(from.key) != nullptr || said == nullptr || is_artifacts)
      return one(from, training, path, "training.");
    note(said->position, path,
         fmt::format("`training.{}` {} of the artifact is left out, since the plan has `training.{}`", from.key,
                     words_of(from.value), other));
  }

  // Its fields must be outputs with a target here too.
  void merge_loss(Entry& from, Tree& training, const std::string& path) {
    if (training.find(from.key) != nullptr) return one(from, training, path, "training.");
    const Tree& targets = child(training, "targets");
    for (const Tree& term : from.value.items) {
      for (const Entry& kind : term.entries) {
        for (const Tree& field : child(kind.value, "fields").items) {
          const bool is_output = has_field(child(network_, "outputs"), field.scalar);
          if (is_output && targets.find(field.scalar) != nullptr) continue;
          diagnostics_.add(
              position_, path + ".loss",
              is_output
                  ? fmt::format("the loss of the artifact takes \"{}\", which has no target here; name one under "
                                "`training.targets`, or give `training.loss`",
                                field.scalar)
                  : fmt::format("the loss of the artifact takes \"{}\", which is no output here; give `training.loss`",
                                field.scalar));
        }
      }
    }
    one(from, training, path, "training.");
  }

  // The options of another kind are of no use.
  void merge_optimizer(Entry& from, Tree& training, const std::string& path) {
    Tree* const there = training.find(from.key);
    if (there == nullptr) return one(from, training, path, "training.");
    for (Entry& kind : from.value.entries) {
      Tree* const same_kind = there->find(kind.key);
      if (same_kind == nullptr) return one(from, training, path, "training.");
      if (same_kind->kind == Tree::Kind::nothing) same_kind->kind = Tree::Kind::mapping;
      if (same_kind->kind != Tree::Kind::mapping) return;
      const std::size_t before = given_.size();
      for (Entry& option : kind.value.entries)
        one(option, *same_kind, path + ".optimizer." + kind.key, "training.optimizer." + kind.key + ".");
      if (given_.size() == before) continue;
      given_.resize(before);
      given_.push_back("the rest of training.optimizer." + kind.key);
    }
  }

  Tree& network_;
  std::string path_;
  Position position_;
  Diagnostics& diagnostics_;
  std::vector<std::string> given_;
};

// Levels of the fields of the network's arguments into those of its component.
void add_levels(Tree& component, const Tree& network, const Tree& fields, Position position, Diagnostics& diagnostics) {
  if (component.kind != Tree::Kind::mapping && component.kind != Tree::Kind::nothing) return;
  for (const Entry& field : fields.entries) {
    if (!has_field(child(network, "inputs"), field.key) && !has_field(child(network, "outputs"), field.key)) continue;
    Tree& all = mapping_below(component, "fields", position);
    if (all.kind != Tree::Kind::mapping) return;
    Tree& here = mapping_below(all, field.key, position);
    if (here.kind != Tree::Kind::mapping) continue;
    for (const Entry& entry : field.value.entries) {
      const Tree* const there = here.find(entry.key);
      if (there == nullptr) {
        here.entries.push_back(entry);
      } else if (!same(*there, entry.value)) {
        diagnostics.add(there->position, "",
                        fmt::format("{} of field \"{}\" is {} here, in place of {} of the artifact", entry.key,
                                    field.key, words_of(*there), words_of(entry.value)),
                        Severity::note);
      }
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

// `named` is the value of the key `artifact` of network `entry`.
Artifact merge_one(Tree& root, Entry& entry, const Tree& named, const std::string& plan_file,
                   const ReadArtifact& read_artifact, Diagnostics& diagnostics) {
  const Position position = named.position;
  if (named.kind != Tree::Kind::scalar || named.scalar.empty())
    diagnostics.fail(position, "key \"artifact\" must be the directory that ekman-export wrote; name one");
  const std::string directory = beside_plan(plan_file, named.scalar), path = "networks." + entry.key;
  Artifact artifact;
  try {
    artifact = read_artifact(directory);
  } catch (const Error& error) {
    diagnostics.fail(position, error.what());
  }
  const Tree* const training = entry.value.find("training");
  if (training != nullptr && !artifact.has(k_artifact_train)) {
    diagnostics.fail(training->position,
                     fmt::format("network \"{}\" cannot learn: the artifact {} has no {}, since it was exported for "
                                 "inference only; export it with --loss, or take out `training`",
                                 entry.key, directory, k_artifact_train));
  }
  Diagnostics own(directory + "/" + k_artifact_manifest);
  Tree defaults = load_tree(artifact.defaults, own);
  place_at(defaults, position);
  const Tree fields = child(defaults, "fields");
  Merging merging(entry.value, path, position, diagnostics);
  merging.merge(defaults);
  Tree* const components = root.find("components");
  Tree* const component = components == nullptr ? nullptr : components->find(child(entry.value, "component").scalar);
  if (component != nullptr) add_levels(*component, entry.value, fields, position, diagnostics);
  check_support(entry.value, path, directory, artifact, diagnostics);
  diagnostics.add(position, path,
                  fmt::format("network \"{}\" has from the artifact {}: {}", entry.key, directory,
                              merging.given().empty() ? "the network alone" : joined(merging.given(), ", ")),
                  Severity::note);
  return artifact;
}

}  // namespace

std::map<std::string, Artifact> add_artifact_defaults(Tree& root, const std::string& plan_file,
                                                      const ReadArtifact& read_artifact, Diagnostics& diagnostics) {
  std::map<std::string, Artifact> artifacts;
  Tree* const networks = root.find("networks");
  if (networks == nullptr) return artifacts;
  for (Entry& entry : networks->entries) {
    const Tree* const network = entry.value.find("network");
    const Tree* const named = network == nullptr ? nullptr : network->find("artifact");
    if (!is_mine(entry.key) || named == nullptr) continue;
    const Tree copy = *named;  // what is merged may move it
    artifacts.emplace(entry.key, merge_one(root, entry, copy, plan_file, read_artifact, diagnostics));
  }
  return artifacts;
}

}  // namespace ekman
