// Implements study_from_yaml.hpp. A value that has a problem is reported once, and left out of what is checked next.
#include "adapters/yaml/study_from_yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "adapters/yaml/check_keys.hpp"
#include "adapters/yaml/document.hpp"
#include "adapters/yaml/tree_values.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/study/placeholders.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// What the study itself fills in.
const std::vector<std::string> k_own = {"plan", "output", "ekman", "ml_ranks"};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "" if it is not there; a device has no end, so no more is read than a plan may have.
std::string text_of_file(const std::string& path, bool& is_there) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  is_there = file.is_open() && !std::filesystem::is_directory(path, ignored);
  if (!is_there) return "";
  std::string text(k_most_plan_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

class StudyReader {
 public:
  explicit StudyReader(StudyReading& reading)
      : reading_(reading), study_(reading.study), diagnostics_(reading.diagnostics) {}

  void read(const Tree& root) {
    check_keys(root, diagnostics_, study_keys());
    study_.name = text(root, "study");
    if (study_.name.empty()) study_.name = std::filesystem::path(study_.file).stem().string();
    if (study_.name.find('/') != std::string::npos || study_.name.front() == '.')
      add("study", fmt::format("\"{}\" is no name of a directory; take letters and digits", study_.name));
    study_.repeats = parse_integer(text(root, "repeats")).value_or(1);
    study_.timeout = parse_duration(text(root, "timeout")).value_or(1);
    read_base(text(root, "plan"));
    read_component(text(root, "component"));
    read_values(child(root, "values"));
    read_together(child(root, "together"));
    read_launcher(child(root, "launcher"));
    read_scaling(child(root, "scaling"));
    if (diagnostics_.count(Severity::error) == 0 && count_points(study_) > k_most_points)
      add("values", fmt::format("more than {} combinations, which take too long; let lists vary `together`, or make "
                                "studies of them",
                                k_most_points));
  }

 private:
  void add(const std::string& path, const std::string& sentence) { diagnostics_.add({path, sentence}); }

  // What stands at `path`, or the default; the key must be a text, a word, a number or a duration.
  std::string text(const Tree& above, const std::string& path) const {
    const Key& key = *study_keys().find(path);
    const Tree& value = child(above, key.name());
    if (value.kind == Tree::Kind::scalar && !problem_with(key, key.name(), value)) return value.scalar;
    return key.fallback == k_required ? "" : key.fallback;
  }

  void read_base(const std::string& name) {
    if (name.empty()) return;
    study_.plan = beside_plan(study_.file, name);
    bool is_there = false;
    const std::string text = text_of_file(study_.plan, is_there);
    if (!is_there)
      return add("plan", fmt::format("the plan {} cannot be read; name it relative to the study's folder, and see its "
                                     "permissions",
                                     study_.plan));
    Diagnostics of_plan(study_.plan);
    try {
      reading_.base = load_tree(text, of_plan);
    } catch (const Error&) {
      reading_.base = {};
    }
    reading_.base_problems = of_plan.lines(Severity::error);
    if (!reading_.base_problems.empty())
      add("plan", fmt::format("the plan {} has errors; correct them, `ekman check` tells them too", study_.plan));
  }

  void read_component(const std::string& name) {
    study_.component = name;
    if (name.empty() || reading_.base.kind != Tree::Kind::mapping) return;
    std::vector<std::string> names;
    for (const Entry& entry : child(reading_.base, "components").entries) names.push_back(entry.key);
    if (!contains(names, name))
      add("component", fmt::format("the plan has no component \"{}\"", name) +
                           did_you_mean(name, names, "; name one of them, or leave it out"));
  }

  void read_values(const Tree& tree) {
    for (const Entry& entry : tree.entries) {
      names_.push_back(entry.key);
      const std::string path = "values." + entry.key;
      if (!is_mine(entry.key) || diagnostics_.any_below(path)) continue;
      StudyValues values;
      PlanPath plan_path;
      values.name = entry.key;
      values.is_plan_key = entry.key.find_first_of(".[") != std::string::npos || find_key(entry.key) != nullptr;
      if (values.is_plan_key) {
        if (reading_.base.kind != Tree::Kind::mapping) continue;  // reported
        plan_path = find_plan_path(entry.key, reading_.base);
        if (!plan_path.problem.empty()) {
          diagnostics_.add(entry.position, path, plan_path.problem);
          continue;
        }
      }
      check_name(entry, values, path);
      check_items(entry, values, plan_path, path);
      for (const Tree& item : entry.value.items) values.texts.push_back(flow_text(item));
      study_.values.push_back(values);
      reading_.paths.push_back(std::move(plan_path));
      reading_.trees.push_back(entry.value.items);
    }
  }

  void check_name(const Entry& entry, const StudyValues& values, const std::string& path) {
    const std::string& name = values.name;
    if (contains(k_own, name))
      diagnostics_.add(entry.position, path,
                       fmt::format("the study gives \"{}\" its value itself; take another name", name));
    if (name == "output" || name.rfind("output.directory", 0) == 0 || name.rfind("output.profile", 0) == 0)
      diagnostics_.add(entry.position, path,
                       fmt::format("the study gives each run its \"{}\" itself; take it out", name));
    if (!values.is_plan_key && !is_placeholder(name))
      diagnostics_.add(entry.position, path,
                       fmt::format("\"{}\" is neither a key of plans nor a name of letters, digits and _; take such a "
                                   "name, or the path of a key",
                                   name));
  }

  void check_items(const Entry& entry, const StudyValues& values, const PlanPath& plan_path, const std::string& path) {
    std::set<std::string> seen;
    for (const Tree& item : entry.value.items) {
      const std::string shown = flow_text(item);
      if (!seen.insert(shown).second)
        diagnostics_.add(item.position, path,
                         fmt::format("\"{}\" has the value {} twice; take one out", values.name, shown));
      if (!values.is_plan_key) {
        if (item.kind != Tree::Kind::scalar)
          diagnostics_.add(
              item.position, path,
              fmt::format("a value of the placeholder \"{}\" must be a text or a number; write one", values.name));
        continue;
      }
      const std::string name = plan_path.steps.back().is_item ? values.name : plan_path.steps.back().name;
      if (plan_path.key == nullptr) continue;  // an entry of a list, which the point's plan tells of
      if (const auto problem = problem_with(*plan_path.key, name, item))
        diagnostics_.add(item.position, path, *problem);
    }
  }

  std::vector<std::string> value_names() const {
    std::vector<std::string> names;
    for (const StudyValues& values : study_.values) names.push_back(values.name);
    return names;
  }

  void read_together(const Tree& tree) {
    std::set<std::string> seen;
    for (const Tree& list : tree.items) {
      std::vector<std::size_t> places;
      for (const Tree& item : list.items) {
        const auto place = place_of(study_, item.scalar);
        if (!place) {
          if (!diagnostics_.touches("values." + item.scalar))
            diagnostics_.add(item.position, "together",
                             fmt::format("\"{}\" is not in `values`", item.scalar) +
                                 did_you_mean(item.scalar, value_names(), "; name what is there"));
        } else if (!seen.insert(item.scalar).second) {
          diagnostics_.add(item.position, "together",
                           fmt::format("\"{}\" stands in `together` twice; take one out", item.scalar));
        } else {
          places.push_back(*place);
        }
      }
      if (list.items.size() < 2)
        diagnostics_.add(list.position, "together",
                         "an entry of `together` must be a list of two or more names; write [a, b]");
      for (const std::size_t place : places) {
        const StudyValues &first = study_.values[places.front()], &other = study_.values[place];
        if (first.texts.size() != other.texts.size())
          diagnostics_.add(list.position, "together",
                           fmt::format("\"{}\" has {} values and \"{}\" has {}, but they vary together; give them as "
                                       "many",
                                       first.name, first.texts.size(), other.name, other.texts.size()));
      }
      if (places.size() > 1) study_.together.push_back(places);
    }
  }

  void read_launcher(const Tree& tree) {
    if (diagnostics_.touches("launcher")) return;
    const bool has_slurm = tree.find("slurm") != nullptr;
    study_.local = text(tree, "launcher.local");
    if (study_.local.empty() != has_slurm)
      return add("launcher", fmt::format("key \"launcher\" takes exactly one of local and slurm; found {}",
                                         has_slurm ? "both" : "none"));
    std::map<std::string, std::string> commands{{"launcher.local", study_.local}};
    if (has_slurm) {
      commands.clear();
      read_slurm(child(tree, "slurm"), commands);
    }
    check_placeholders(commands);
  }

  void read_slurm(const Tree& tree, std::map<std::string, std::string>& commands) {
    const std::string prefix = "launcher.slurm.";
    const Tree &components = child(tree, "components"), &ml = child(tree, "ml");
    SlurmLauncher slurm;
    slurm.component_ranks = text(components, prefix + "components.ranks");
    slurm.component_command = text(components, prefix + "components.command");
    slurm.component_options = texts_of(child(components, "options"));
    slurm.ml_command = text(ml, prefix + "ml.command");
    slurm.ml_options = texts_of(child(ml, "options"));
    slurm.srun_options = texts_of(child(tree, "srun"));
    slurm.before = text(tree, prefix + "before");
    slurm.max_jobs = parse_integer(text(tree, prefix + "max_jobs")).value_or(1);
    slurm.poll = parse_duration(text(tree, prefix + "poll")).value_or(1);
    if (placeholders_in(slurm.component_ranks).empty() && parse_integer(slurm.component_ranks).value_or(0) < 1)
      add(prefix + "components.ranks", fmt::format("\"{}\" is no number of ranks; write one of at least 1, or a "
                                                   "placeholder such as {{component_ranks}}",
                                                   slurm.component_ranks));
    commands[prefix + "components.ranks"] = slurm.component_ranks;
    commands[prefix + "components.command"] = slurm.component_command;
    commands[prefix + "ml.command"] = slurm.ml_command;
    commands[prefix + "before"] = slurm.before;
    for (std::size_t i = 0; i < slurm.component_options.size(); ++i)
      commands[fmt::format("{}components.options[{}]", prefix, i)] = slurm.component_options[i];
    for (std::size_t i = 0; i < slurm.ml_options.size(); ++i)
      commands[fmt::format("{}ml.options[{}]", prefix, i)] = slurm.ml_options[i];
    for (std::size_t i = 0; i < slurm.srun_options.size(); ++i)
      commands[fmt::format("{}srun[{}]", prefix, i)] = slurm.srun_options[i];
    study_.slurm = slurm;
  }

  void check_placeholders(const std::map<std::string, std::string>& commands) {
    std::vector<std::string> known = names_;
    known.insert(known.end(), k_own.begin(), k_own.end());
    std::set<std::string> used;
    for (const auto& [path, command] : commands) {
      for (const std::string& name : placeholders_in(command)) {
        used.insert(name);
        if (!contains(known, name))
          add(path, fmt::format("nothing gives {{{}}} a value", name) +
                        did_you_mean(name, known,
                                     fmt::format("; add \"{}\" to `values`, or write {{{{{}}}}} if the "
                                                 "shell is meant",
                                                 name, name)));
      }
    }
    for (const StudyValues& values : study_.values)
      if (!values.is_plan_key && used.count(values.name) == 0 && !diagnostics_.touches("values." + values.name))
        add("values." + values.name,
            fmt::format("\"{}\" is no key of plans, and no command has {{{}}}", values.name, values.name) +
                did_you_mean(values.name, root_names(),
                             "; write it into `launcher`, or name a key by its path, such as "
                             "networks.heating.chunk"));
  }

  static std::vector<std::string> root_names() {
    std::vector<std::string> names;
    for (const Key* key : keys_below("")) names.push_back(key->name());
    return names;
  }

  void read_scaling(const Tree& tree) {
    if (tree.kind != Tree::Kind::mapping || diagnostics_.any_below("scaling")) return;
    study_.ranks = text(tree, "scaling.ranks");
    study_.is_weak = text(tree, "scaling.kind") == "weak";
    if (study_.ranks == "ml_ranks") return;
    const auto place = place_of(study_, study_.ranks);
    if (!place) {
      if (!diagnostics_.touches("values." + study_.ranks))
        add("scaling.ranks", fmt::format("\"{}\" is not in `values`", study_.ranks) +
                                 did_you_mean(study_.ranks, value_names(), "; name what is there, or ml_ranks"));
      return;
    }
    for (const std::string& value : study_.values[*place].texts)
      if (parse_integer(value).value_or(0) < 1)
        return add("scaling.ranks",
                   fmt::format("\"{}\" has the value {}, which is no number of ranks; name another list, or give it "
                               "whole numbers of at least 1",
                               study_.ranks, value));
  }

  StudyReading& reading_;
  Study& study_;
  Diagnostics& diagnostics_;
  std::vector<std::string> names_;  // in `values`, also of those that have problems
};

}  // namespace

StudyReading examine_study(const std::string& path) {
  StudyReading reading{{}, Diagnostics(path), {}, {}, {}, {}};
  reading.study.file = path;
  bool is_there = false;
  const std::string text = text_of_file(path, is_there);
  if (!is_there) {
    reading.diagnostics.add({}, "", "the file cannot be read; check its name and permissions");
    return reading;
  }
  try {
    StudyReader(reading).read(load_tree(text, reading.diagnostics));
  } catch (const Error&) {
    if (reading.diagnostics.count(Severity::error) == 0) throw;
  }
  return reading;
}

PlanReading examine_point(const StudyReading& reading, const Choice& choice, const ReadArtifact& read_artifact) {
  Tree plan = reading.base;
  for (std::size_t place = 0; place < choice.size(); ++place)
    if (reading.study.values[place].is_plan_key)
      set_value(plan, reading.paths[place], reading.trees[place][choice[place]]);
  return examine_tree(std::move(plan), reading.study.plan, read_artifact);
}

}  // namespace ekman
