// The rows, in the order of the reference.
#include "adapters/yaml/key_table.hpp"

#include <utility>

namespace ekman {

const char* const k_required = "required";

namespace {

using T = KeyType;

// What the format has and a run does not do yet: a key with all below it, or one word of a key. `instead`: it will not
// come, and what to do.
struct NotYet {
  std::string path;
  std::string word = {};
  std::string instead = {};
};

const std::vector<NotYet>& not_yet() {
  static const std::vector<NotYet> list{{"networks.*.training.log.tensorboard", "",
                                         "take `csv`, which has the same numbers and can be turned into event files as "
                                         "docs/training.md says"}};
  return list;
}

const std::vector<Key>& root_keys() {
  static const std::vector<Key> rows{
      {"ekman", T::word, k_required, "Version of this format.", {"1"}},
      {"calendar", T::mapping, "", "Gives steps their dates, in logs and files."},
      {"calendar.start", T::text, k_required, "Date and time at the start of step 1, such as 2000-01-01T00:00:00."},
      {"calendar.kind",
       T::word,
       "proleptic-gregorian",
       "Kind of the calendar.",
       {"proleptic-gregorian", "365d", "360d"}},
      {"components", T::named, k_required, "The components, each under the name that it gives at init."},
      {"components.*", T::mapping, "", "One component."},
      {"components.*.timestep", T::duration, "", "Length of one step of the component."},
      {"components.*.points", T::size, "",
       "Number of points there must be, all ranks together, in its unnamed point set, or in its only one; checked at "
       "enddef."},
      {"components.*.fields", T::named, "",
       "What its fields are, for `ekman check`; compared with their definitions at enddef."},
      {"components.*.fields.*", T::mapping, "", "One field."},
      {"components.*.fields.*.levels", T::count, "", "Number of its levels."},
      {"components.*.fields.*.units", T::text, "", "Its units, as they are defined."},
      {"networks", T::named, k_required, "The networks, each under a name for messages."},
      {"networks.*", T::mapping, "", "One network."},
  };
  return rows;
}

const std::vector<Key>& place_keys() {
  static const std::vector<Key> rows{
      {"component", T::text, k_required, "Component whose fields the network takes and returns."},
      {"ranks", T::count, "1", "ML ranks that serve the network; none with `placement: inline`."},
      {"placement",
       T::word,
       "dedicated",
       "On ranks of their own, or in the component's processes: inference of points, see docs/starting.md.",
       {"dedicated", "inline"}},
      {"device", T::text_or_texts, "auto",
       "`cpu`, `cuda`, `cuda:N`, `auto` (round-robin over the node's GPUs; inline: the CPU), or a list, one entry an "
       "ML "
       "rank."},
      {"threads", T::count, "1", "LibTorch threads of each rank that runs the network."},
      {"network",
       T::word_or_mapping,
       k_required,
       "What is run: exactly one of `torchscript`, `artifact`, `builtin`, `own`, `echo` and so on; `none`: nothing, "
       "inputs "
       "are recorded.",
       {"none"}},
      {"network.torchscript", T::text, "", "File of a TorchScript network, relative to the plan's folder."},
      {"network.sha256", T::text, "",
       "SHA-256 that the TorchScript file, or the artifact by its manifest, must have, in hexadecimal; checked when it "
       "is "
       "loaded."},
  };
  return rows;
}

const std::vector<Key>& network_keys() {
  static const std::vector<Key> rows{
      {"network.echo", T::mapping, "", "Returns its inputs, for tests of the coupling; needs no LibTorch."},
      {"network.artifact", T::text, "",
       "Directory that `ekman-export` wrote, relative to the plan's folder; what it says of fields, loss and optimizer "
       "are the "
       "plan's defaults, see docs/from-pytorch.md."},
      {"network.checkpoint", T::text, "",
       "File of a training checkpoint, relative to the plan's folder, to serve or to go on learning from."},
      {"sample",
       T::word_or_mapping,
       "point",
       "What the network sees as one: a point (a column), or a whole grid.",
       {"point"}},
      {"sample.grid", T::mapping, k_required, "A grid, x fastest in global ids."},
      {"sample.grid.shape", T::counts, k_required, "`[ny, nx]`."},
      {"chunk", T::count, "1024", "Samples that travel, wait and are owned together; 1 with `grid`."},
      {"tile",
       T::word_or_count,
       "auto",
       "Samples in one forward call: a divisor of `chunk`; auto: 256 on a CPU, the chunk on a GPU.",
       {"auto"}},
      {"coupling_period", T::duration, "",
       "Time from exchange to exchange, a multiple of the component's `timestep`; absent: every step. Step 1 has one."},
      {"time_reduction",
       T::word,
       "none",
       "Of inputs put since the last exchange: none (the last), accumulate (sum), average, minimum or maximum.",
       {"none", "accumulate", "average", "minimum", "maximum"}},
      {"lag", T::whole, "0",
       "1: get returns the outputs of the previous exchange, and the network runs behind the physics; `EKMAN_NONE` "
       "until "
       "there are any."},
      {"wire", T::word, "float32", "Kind of the numbers that travel.", {"float32", "float64"}},
      {"compute",
       T::word,
       "float32",
       "Kind of the numbers that the network computes with; bfloat16, and float16 on GPUs: LibTorch's autocast, "
       "weights "
       "stay in float32.",
       {"float32", "float64", "bfloat16", "float16"}},
      {"transport",
       T::word,
       "auto",
       "`point_to_point` never uses the shared window of a node.",
       {"auto", "point_to_point"}},
      {"optimize",
       T::word,
       "auto",
       "What is done to a network before it is served: freeze (weights of a TorchScript network become constants), "
       "inference (frozen, convolutions through oneDNN, linear layers by Ekman's own products) or none (the bits of "
       "LibTorch's own forward); auto: inference for float32 networks of convolutions or linear layers on a CPU, none "
       "with Fourier transforms.",
       {"auto", "none", "freeze", "inference"}},
      {"cuda_graph", T::flag, "off",
       "On a GPU forward is recorded once and replayed as one CUDA graph: the same bits, fewer launches; in training "
       "the "
       "step of a tile too, where its shapes allow. For networks whose forward stays on the GPU; ignored where `auto` "
       "ends on a CPU."},
      {"tape", T::whole, "0",
       "Exchanges whose graphs are kept for adjoints, which the component puts and gets; 0: none."},
      {"reproducible",
       T::word,
       "outputs",
       "outputs: forward bits equal for every decomposition; bfb: training steps too.",
       {"outputs", "bfb"}},
      {"inputs", T::list, k_required, "One entry for each argument of forward(), in order."},
      {"inputs[].fields", T::texts, k_required, "Fields of the argument, in order."},
      {"inputs[].combine",
       T::word,
       "concat",
       "Levels side by side `[tile, sum]`, or stacked `[tile, fields, levels]`.",
       {"concat", "stack"}},
      {"outputs",
       T::list,
       k_required,
       "One entry for each tensor that forward() returns, in order; left out with `network: none`.",
       {},
       Status::supported,
       {},
       "network: none"},
      {"outputs[].fields", T::texts, k_required, "Fields of the tensor, in order."},
      {"outputs[].combine", T::word, "concat", "As of inputs.", {"concat", "stack"}},
      {"normalize", T::named, "", "(x - mean)/std on inputs, the inverse on outputs, for each field named."},
      {"normalize.*",
       T::word_or_mapping,
       "",
       "One field; `running`: of an input, learned with the network from what the component puts.",
       {"running"}},
      {"normalize.*.mean", T::real, "0", "Mean, in the unit of the field."},
      {"normalize.*.std", T::real, "1", "Standard deviation, in the unit of the field; not 0."},
      {"normalize.*.from", T::text, "",
       "File that has mean and std level by level, in place of both here; `ekman train` makes it from what is learned "
       "from if it is not there."},
      {"guard", T::named, "", "Checks of outputs before they go back: a field, or `nonfinite`."},
      {"guard.*", T::mapping, "", "One output field."},
      {"guard.*.min", T::real, "", "Least value allowed, in the unit of the field."},
      {"guard.*.max", T::real, "", "Greatest value allowed."},
      {"guard.*.on_violation",
       T::word,
       "abort",
       "What is done with other values: clip, fallback (the point is given up, `info` says so) or abort.",
       {"clip", "fallback", "abort"}},
      {"guard.*.fallback", T::text, "",
       "Field that the component puts, whose values are returned at points given up; absent: the array is left alone "
       "there."},
      {"guard.nonfinite",
       T::word,
       "abort",
       "What is done with values of any output that are not finite.",
       {"fallback", "abort"}},
  };
  return rows;
}

const std::vector<Key>& output_keys() {
  static const std::vector<Key> rows{
      {"resume", T::text, "", "Label of the restart set, below output.directory, to go on from; absent: start afresh."},
      {"output", T::mapping, "", "What a run writes."},
      {"output.directory", T::text, ".",
       "Where it is written, relative to the folder that `ekman serve` is started in; made if it is not there; all ML "
       "ranks must see it."},
  };
  return rows;
}

const std::vector<Key>& run_keys() {
  static const std::vector<Key> rows{
      {"output.record", T::mapping, "", "Recording of exchanges as the networks have them, see docs/recording.md."},
      {"output.record.fields", T::texts, "",
       "Fields recorded: inputs, outputs, targets, weights; absent: all of every network."},
      {"output.record.every", T::count, "1", "Exchanges from one record to the next."},
      {"output.record.file", T::text, "recording.h5",
       "Name of the files, below output.directory; `-<network>-<rank of it>-<number>` comes before the ending."},
      {"output.record.max_bytes", T::size, "",
       "Bytes of all files of an ML rank; then recording stops, with a line, and the run goes on. Absent: no bound."},
      {"output.record.records_per_file", T::whole, "0", "Records after which a new file begins; 0: one file."},
      {"output.profile", T::flag, "off",
       "Each rank keeps where its time goes; at the end it is said, and profile.h5 in output.directory has it."},
  };
  return rows;
}

const std::vector<Key>& wait_keys() {
  static const std::vector<Key> rows{
      {"timeout", T::duration, "PT10M", "A wait that is longer prints who waits for whom, and ends the job."},
      {"timeout_physics", T::duration, "",
       "How long a component may stay in its own code between two calls of Ekman while others wait; absent: as "
       "`timeout`."},
  };
  return rows;
}

void mark(const NotYet& what, Key& key) {
  const bool is_below = key.path.compare(0, what.path.size() + 1, what.path + ".") == 0;
  if (!what.word.empty()) {
    if (key.path == what.path) key.words_not_yet.push_back(what.word);
  } else if (key.path == what.path || is_below) {
    key.status = Status::not_yet;
    key.instead = what.instead;
  }
}

std::vector<Key> make_table() {
  std::vector<Key> table;
  add_rows(table, "", root_keys());
  add_rows(table, "networks.*.", place_keys());
  add_rows(table, "networks.*.network.", builtin_keys());
  add_rows(table, "networks.*.", network_keys());
  add_rows(table, "networks.*.training", training_keys());
  add_rows(table, "", output_keys());
  add_rows(table, "", run_keys());
  add_rows(table, "", wait_keys());
  for (const NotYet& what : not_yet())
    for (Key& key : table) mark(what, key);
  return table;
}

}  // namespace

void add_rows(std::vector<Key>& table, const std::string& prefix, const std::vector<Key>& rows) {
  for (Key row : rows) {
    row.path = prefix + row.path;
    table.push_back(row);
  }
}

KeyTable::KeyTable(const char* document, const char* reference, std::vector<Key> rows)
    : document_(document), reference_(reference), rows_(std::move(rows)) {
  for (const Key& key : rows_) {
    by_path_.emplace(key.path, &key);
    by_parent_[key.parent()].push_back(&key);
  }
}

const Key* KeyTable::find(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

const std::vector<const Key*>& KeyTable::below(const std::string& parent) const {
  static const std::vector<const Key*> none;
  const auto found = by_parent_.find(parent);
  return found == by_parent_.end() ? none : found->second;
}

const KeyTable& plan_keys() {
  static const KeyTable table("plan", "ekman keys", make_table());
  return table;
}

const std::vector<Key>& key_table() { return plan_keys().rows(); }
const Key* find_key(const std::string& path) { return plan_keys().find(path); }
const std::vector<const Key*>& keys_below(const std::string& parent) { return plan_keys().below(parent); }

}  // namespace ekman
