// Values of a checked tree -> Plan. A value that has a problem is reported already; its default is read in
// its place, so that the rest can be checked too.
#include "adapters/yaml/plan_from_yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "adapters/yaml/artifact_defaults.hpp"
#include "adapters/yaml/builtin_from_yaml.hpp"
#include "adapters/yaml/check_keys.hpp"
#include "adapters/yaml/document.hpp"
#include "adapters/yaml/training_from_yaml.hpp"
#include "adapters/yaml/tree_values.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

std::map<std::string, FieldSpec> read_fields(const Tree& tree) {
  std::map<std::string, FieldSpec> fields;
  for (const Entry& entry : tree.entries) {
    if (!is_mine(entry.key)) continue;
    FieldSpec& field = fields[entry.key];
    field.levels = integer_of(entry.value, "components.*.fields.*.levels");
    field.units = text_of(entry.value, "components.*.fields.*.units");
  }
  return fields;
}

ComponentSpec read_component(const Entry& entry) {
  ComponentSpec component;
  component.name = entry.key;
  component.timestep = parse_duration(text_of(entry.value, "components.*.timestep")).value_or(0);
  component.points = integer_of(entry.value, "components.*.points", -1);
  component.fields = read_fields(child(entry.value, "fields"));
  return component;
}

// A way to say what is run: its key, and the keys that belong to it.
struct SourceForm {
  std::string key;
  std::vector<std::string> extras;
};

bool is_extra_of(const SourceForm& form, const std::string& key) {
  return std::find(form.extras.begin(), form.extras.end(), key) != form.extras.end();
}

const std::vector<SourceForm>& source_forms() {
  static const std::vector<SourceForm> forms{{"torchscript", {"sha256"}},
                                             {"builtin", builtin_extras()},
                                             {"own", {"library", "arguments", "seed"}},
                                             {"echo", {}},
                                             {"artifact", {"sha256"}},
                                             {"checkpoint", {"library"}}};
  return forms;
}

class PlanReader {
 public:
  PlanReader(std::string file, std::map<std::string, Artifact> artifacts, Diagnostics& diagnostics)
      : file_(std::move(file)), artifacts_(std::move(artifacts)), diagnostics_(diagnostics) {}

  Plan read(const Tree& root) {
    Plan plan;
    plan.file = file_;
    if (root.find("calendar")) plan.calendar = read_calendar(child(root, "calendar"));
    for (const Entry& entry : child(root, "components").entries)
      if (is_mine(entry.key)) plan.components.push_back(read_component(entry));
    for (const Entry& entry : child(root, "networks").entries)
      if (is_mine(entry.key)) plan.networks.push_back(read_network(entry));
    plan.resume = text_of(root, "resume");
    plan.output_directory = text_of(child(root, "output"), "output.directory");
    if (const Tree* record = child(root, "output").find("record")) plan.record = read_record(*record);
    plan.profile = text_of(child(root, "output"), "output.profile") == "on";
    plan.timeout = parse_duration(text_of(root, "timeout")).value_or(plan.timeout);
    plan.timeout_physics = parse_duration(text_of(root, "timeout_physics")).value_or(plan.timeout);
    return plan;
  }

 private:
  static RecordSpec read_record(const Tree& tree) {
    RecordSpec record;
    record.given = true;
    record.fields = texts_of(child(tree, "fields"));
    record.every = integer_of(tree, "output.record.every");
    record.file = text_of(tree, "output.record.file");
    record.max_bytes = integer_of(tree, "output.record.max_bytes");
    record.records_per_file = integer_of(tree, "output.record.records_per_file");
    return record;
  }

  Calendar read_calendar(const Tree& tree) {
    Calendar calendar;
    const std::string kind = text_of(tree, "calendar.kind"), start = text_of(tree, "calendar.start");
    calendar.kind = choice_of<CalendarKind>(kind).value_or(calendar.kind);
    const std::optional<std::int64_t> date = parse_date(calendar.kind, start);
    if (!date && !diagnostics_.touches("calendar.start") && !diagnostics_.touches("calendar.kind")) {
      diagnostics_.add(
          diagnostics_.position_of("calendar.start"), "calendar.start",
          fmt::format("\"{}\" is no date of the calendar {}; write it as 2000-01-01T00:00:00", start, kind));
    }
    calendar.given = date.has_value();
    calendar.start = date.value_or(0);
    return calendar;
  }

  NetworkSpec read_network(const Entry& entry) {
    const Tree& tree = entry.value;
    const std::string path = "networks." + entry.key;
    NetworkSpec network;
    network.name = entry.key;
    network.component = text_of(tree, "networks.*.component");
    network.placed = choice(tree, "networks.*.placement", Placed::dedicated);
    const bool has_ml_ranks = !network.is_inline() || tree.find("ranks");
    network.ranks = has_ml_ranks ? static_cast<int>(integer_of(tree, "networks.*.ranks")) : 0;
    network.threads = static_cast<int>(integer_of(tree, "networks.*.threads"));
    if (!diagnostics_.touches(path + ".ranks")) read_device(tree, network);
    network.source = read_source(child(tree, "network"), path + ".network");
    if (const auto artifact = artifacts_.find(entry.key); artifact != artifacts_.end())
      read_artifact(child(tree, "network"), path, artifact->second, tree.find("training") != nullptr, network.source);
    read_sizes(tree, path, network);
    network.coupling_period = parse_duration(text_of(tree, "networks.*.coupling_period")).value_or(0);
    network.time_reduction = choice(tree, "networks.*.time_reduction", Reduction::none);
    network.lag = integer_of(tree, "networks.*.lag");
    network.wire = choice(tree, "networks.*.wire", Real::float32);
    network.compute = choice(tree, "networks.*.compute", Compute::float32);
    network.optimize = choice(tree, "networks.*.optimize", Optimize::automatic);
    network.cuda_graph = text_of(tree, "networks.*.cuda_graph") == "on";
    network.transport = choice(tree, "networks.*.transport", Transport::automatic);
    network.reproducible = choice(tree, "networks.*.reproducible", Reproducible::outputs);
    network.tape = integer_of(tree, "networks.*.tape");
    network.inputs = read_arguments(child(tree, "inputs"), "networks.*.inputs[].combine");
    network.outputs = read_arguments(child(tree, "outputs"), "networks.*.outputs[].combine");
    // With a mistake in the fields, those of normalize cannot be judged.
    if (!diagnostics_.any_below(path + ".inputs") && !diagnostics_.any_below(path + ".outputs"))
      network.normalize = read_normalize(child(tree, "normalize"), path + ".normalize");
    if (tree.find("guard") && !diagnostics_.any_below(path + ".outputs"))
      network.guard = read_guard(child(tree, "guard"));
    if (tree.find("training")) {
      network.training = read_training(child(tree, "training"), path + ".training", file_, diagnostics_);
      spare_loss(path);
    }
    return network;
  }

  // With a mistake in the fields, or in one of targets and loss, these cannot be judged.
  void spare_loss(const std::string& path) {
    const std::string training = path + ".training";
    const std::string parts[] = {path + ".inputs", path + ".outputs", training + ".targets", training + ".loss"};
    if (std::none_of(std::begin(parts), std::end(parts),
                     [&](const auto& part) { return diagnostics_.any_below(part); }))
      return;
    for (const char* key : {".targets", ".weights", ".loss"}) diagnostics_.mark(training + key);
  }

  static void read_device(const Tree& tree, NetworkSpec& network) {
    const Tree* device = tree.find("device");
    network.devices = {text_of(tree, "networks.*.device")};
    if (device && device->kind == Tree::Kind::list && !device->items.empty()) network.devices = texts_of(*device);
  }

  void read_sizes(const Tree& tree, const std::string& path, NetworkSpec& network) {
    const Tree* grid = child(tree, "sample").find("grid");
    if (grid) read_grid(*grid, path + ".sample.grid.shape", network);
    const bool is_default = !tree.find("chunk");
    network.chunk = grid && is_default ? 1 : integer_of(tree, "networks.*.chunk");
    if (diagnostics_.touches(path + ".chunk")) network.chunk = 0;  // no complaint about the tile then
    network.tile = integer_of(tree, "networks.*.tile");            // 0: auto
  }

  void read_grid(const Tree& grid, const std::string& path, NetworkSpec& network) {
    const std::vector<std::int64_t> shape = integers_of(child(grid, "shape"));
    network.sample = Sample::grid;
    if (shape.size() == 2) {
      network.grid_ny = shape[0];
      network.grid_nx = shape[1];
    } else if (!diagnostics_.touches(path)) {
      diagnostics_.add(diagnostics_.position_of(path), path,
                       fmt::format("key \"shape\" must be [ny, nx]; found {} numbers", shape.size()));
    }
  }

  NetworkSource read_source(const Tree& tree, const std::string& path) {
    NetworkSource source;
    if (tree.kind == Tree::Kind::scalar && tree.scalar == "none") source.kind = SourceKind::none;
    if (tree.kind != Tree::Kind::mapping || !check_form(tree, path)) return source;
    if (tree.find("torchscript")) {
      source.kind = SourceKind::torchscript;
      source.path = beside_plan(file_, text_of(tree, "networks.*.network.torchscript"));
      source.sha256 = text_of(tree, "networks.*.network.sha256");
    } else if (tree.find("checkpoint")) {
      source.kind = SourceKind::checkpoint;
      source.path = beside_plan(file_, text_of(tree, "networks.*.network.checkpoint"));
      source.library = beside_plan(file_, text_of(tree, "networks.*.network.library"));
    } else if (tree.find("builtin")) {
      source = read_builtin(tree, path, diagnostics_);
    } else if (tree.find("own")) {
      source = read_own(tree, path, file_, diagnostics_);
    }
    return source;
  }

  // A network that learns is another file than one that is served.
  void read_artifact(const Tree& tree, const std::string& path, const Artifact& artifact, bool learns,
                     NetworkSource& source) {
    const std::string directory = beside_plan(file_, text_of(tree, "networks.*.network.artifact"));
    std::string asked = text_of(tree, "networks.*.network.sha256");
    std::transform(asked.begin(), asked.end(), asked.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!asked.empty() && asked != artifact.sha256) {
      diagnostics_.add(
          {path + ".network.sha256",
           fmt::format("the artifact {} has the SHA-256 {} in its {}, but the plan asks for {}; it is another "
                       "one than the plan was written for: put the right one there, or change `sha256`",
                       directory, artifact.sha256, k_artifact_manifest, asked)});
    }
    const std::string file = learns ? k_artifact_train : k_artifact_infer;
    const auto sum = artifact.files.find(file);
    source.kind = SourceKind::torchscript;
    source.artifact = directory;
    source.optimizer = artifact.optimizer;
    source.path = (std::filesystem::path(directory) / file).string();
    source.sha256 = sum == artifact.files.end() ? "" : sum->second;
  }

  // Exactly one form, and no key that belongs to another one.
  bool check_form(const Tree& tree, const std::string& path) {
    std::vector<SourceForm> given;
    for (const SourceForm& form : source_forms())
      if (tree.find(form.key)) given.push_back(form);
    if (given.size() != 1) {
      if (given.empty() && diagnostics_.any_below(path)) return false;
      diagnostics_.add(
          tree.position, path,
          fmt::format("key \"network\" takes exactly one of torchscript, artifact, builtin, own, checkpoint and echo; "
                      "found {}",
                      given.size()));
      return false;
    }
    check_extras(tree, path, given.front());
    return true;
  }

  void check_extras(const Tree& tree, const std::string& path, const SourceForm& given) {
    for (const SourceForm& form : source_forms())
      for (const std::string& extra : form.extras)
        if (tree.find(extra) && !is_extra_of(given, extra) && !diagnostics_.touches(path + "." + extra))
          diagnostics_.add(diagnostics_.position_of(path + "." + extra), path + "." + extra,
                           fmt::format("key \"{}\" belongs to {}, not to {}; take it out", extra, form.key, given.key));
  }

  static std::vector<Argument> read_arguments(const Tree& list, const std::string& combine) {
    std::vector<Argument> arguments;
    for (const Tree& item : list.items) {
      Argument argument;
      argument.fields = texts_of(child(item, "fields"));
      argument.combine = choice(item, combine, Combine::concat);
      arguments.push_back(argument);
    }
    return arguments;
  }

  std::map<std::string, Normalization> read_normalize(const Tree& tree, const std::string& path) {
    std::map<std::string, Normalization> all;
    for (const Entry& entry : tree.entries) {
      if (!is_mine(entry.key)) continue;
      Normalization& one = all[entry.key];
      one.running = entry.value.kind == Tree::Kind::scalar && entry.value.scalar == "running";
      if (entry.value.find("from")) {
        read_statistics_file(entry, path + "." + entry.key, one);
        continue;
      }
      one.mean = {parse_real(text_of(entry.value, "networks.*.normalize.*.mean")).value_or(0.0)};
      one.std = {parse_real(text_of(entry.value, "networks.*.normalize.*.std")).value_or(1.0)};
    }
    return all;
  }

  void read_statistics_file(const Entry& entry, const std::string& path, Normalization& one) {
    one.from = beside_plan(file_, text_of(entry.value, "networks.*.normalize.*.from"));
    one.mean.clear();
    one.std.clear();
    for (const std::string key : {"mean", "std"}) {
      if (!entry.value.find(key)) continue;
      const std::string here = path + "." + key;
      diagnostics_.add(diagnostics_.position_of(here), here,
                       fmt::format("field \"{}\" has its {} from {} already; take out `{}` or `from`", entry.key, key,
                                   one.from, key));
    }
  }

  static Guard read_guard(const Tree& tree) {
    Guard guard;
    guard.given = true;
    guard.nonfinite = choice(tree, "networks.*.guard.nonfinite", OnViolation::abort);
    for (const Entry& entry : tree.entries) {
      if (!is_mine(entry.key) || entry.key == "nonfinite") continue;
      FieldGuard& one = guard.fields[entry.key];
      one.min = parse_real(text_of(entry.value, "networks.*.guard.*.min")).value_or(one.min);
      one.max = parse_real(text_of(entry.value, "networks.*.guard.*.max")).value_or(one.max);
      one.on_violation = choice(entry.value, "networks.*.guard.*.on_violation", OnViolation::abort);
      one.fallback = text_of(entry.value, "networks.*.guard.*.fallback");
    }
    return guard;
  }

  std::string file_;
  std::map<std::string, Artifact> artifacts_;  // by network
  Diagnostics& diagnostics_;
};

Artifact read_no_artifact(const std::string& directory) {
  throw Error(ErrorCode::internal,
              fmt::format("nothing reads the artifact {} here; this is a mistake in Ekman, report it", directory));
}

void examine(Tree root, const std::string& file_name, const ReadArtifact& read_artifact, PlanReading& reading) {
  Diagnostics& diagnostics = reading.diagnostics;
  std::map<std::string, Artifact> artifacts =
      add_artifact_defaults(root, file_name, read_artifact ? read_artifact : read_no_artifact, diagnostics);
  check_keys(root, diagnostics);
  reading.plan = PlanReader(file_name, std::move(artifacts), diagnostics).read(root);
  for (const Problem& problem : cross_check(reading.plan))
    if (!diagnostics.touches(problem.path)) diagnostics.add(problem);
  if (diagnostics.count(Severity::error) > 0) return;
  for (const Problem& problem : advise(reading.plan)) diagnostics.add(problem);
}

}  // namespace

PlanReading examine_text(const std::string& text, const std::string& file_name, const ReadArtifact& read_artifact) {
  PlanReading reading{{}, Diagnostics(file_name)};
  try {
    examine(load_tree(text, reading.diagnostics), file_name, read_artifact, reading);
  } catch (const Error&) {
    if (reading.diagnostics.count(Severity::error) == 0) throw;
  }
  return reading;
}

PlanReading examine_tree(Tree root, const std::string& file_name, const ReadArtifact& read_artifact) {
  PlanReading reading{{}, Diagnostics(file_name)};
  try {
    examine(std::move(root), file_name, read_artifact, reading);
  } catch (const Error&) {
    if (reading.diagnostics.count(Severity::error) == 0) throw;
  }
  return reading;
}

PlanReading examine_plan(const std::string& path, const ReadArtifact& read_artifact) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (file.is_open() && !std::filesystem::is_directory(path, ignored)) {
    // One byte more than a plan may have: a device has no end.
    std::string text(k_most_plan_bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return examine_text(text, path, read_artifact);
  }
  PlanReading reading{{}, Diagnostics(path)};
  reading.diagnostics.add({}, "", "the file cannot be read; check its name and permissions");
  return reading;
}

Plan parse_plan(const std::string& text, const std::string& file_name) {
  PlanReading reading = examine_text(text, file_name);
  reading.diagnostics.throw_if_errors();
  return std::move(reading.plan);
}

Plan read_plan(const std::string& path) {
  PlanReading reading = examine_plan(path);
  reading.diagnostics.throw_if_errors();
  return std::move(reading.plan);
}

}  // namespace ekman
