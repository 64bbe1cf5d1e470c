// The rows, in the order of the reference.
#include "adapters/yaml/key_table.hpp"

namespace ekman {

const char* const k_required = "required";

namespace {

using T = KeyType;
constexpr Status k_yes = Status::supported;
constexpr Status k_not_yet = Status::not_yet;

void add(std::vector<Key>& table, const std::string& prefix, const std::vector<Key>& rows) {
  for (Key row : rows) {
    row.path = prefix + row.path;
    table.push_back(row);
  }
}

const std::vector<Key>& root_keys() {
  static const std::vector<Key> rows{
      {"ekman", T::word, k_required, "Version of this format.", k_yes, {"1"}},
      {"calendar", T::mapping, "", "Gives steps their dates, in logs and files."},
      {"calendar.start", T::text, k_required, "Date and time at the start of step 1, such as 2000-01-01T00:00:00."},
      {"calendar.kind",
       T::word,
       "proleptic-gregorian",
       "Kind of the calendar.",
       k_yes,
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

const std::vector<Key>& network_keys() {
  static const std::vector<Key> rows{
      {"component", T::text, k_required, "Component whose fields the network takes and returns."},
      {"ranks", T::count, "1", "ML ranks that serve the network."},
      {"placement",
       T::word,
       "dedicated",
       "On ranks of their own, or in the component's process.",
       k_yes,
       {"dedicated", "inline"},
       {"inline"}},
      {"device", T::text_or_texts, "auto",
       "`cpu`, `cuda`, `cuda:N`, `auto` (round-robin over the node's GPUs), or a list, one entry a rank."},
      {"threads", T::count, "1", "LibTorch threads of each ML rank."},
      {"network",
       T::word_or_mapping,
       k_required,
       "What is run: exactly one of `torchscript`, `builtin`, `echo` and so on.",
       k_yes,
       {"none"},
       {"none"}},
      {"network.torchscript", T::text, "", "File of a TorchScript network, relative to the plan's folder."},
      {"network.sha256", T::text, "",
       "SHA-256 that the TorchScript file must have, in hexadecimal; checked when it is loaded."},
      {"network.builtin", T::word, "", "A network that Ekman makes itself.", k_yes, {"mlp"}},
      {"network.hidden", T::counts, "", "Widths of the hidden layers of the mlp; required with `builtin`."},
      {"network.activation",
       T::word,
       "relu",
       "Activation of the mlp.",
       k_yes,
       {"relu", "tanh", "gelu", "silu", "sigmoid"}},
      {"network.seed", T::whole, "0", "Seed of the weights of the mlp."},
      {"network.echo", T::mapping, "", "Returns its inputs, for tests of the coupling; needs no LibTorch."},
      {"network.artifact", T::text, "", "Directory of a packed network.", k_not_yet},
      {"network.checkpoint", T::text, "", "Training checkpoint to serve.", k_not_yet},
      {"sample",
       T::word_or_mapping,
       "point",
       "What the network sees as one: a point (a column), or a whole grid.",
       k_yes,
       {"point"}},
      {"sample.grid", T::mapping, k_required, "A grid, x fastest in global ids."},
      {"sample.grid.shape", T::counts, k_required, "`[ny, nx]`."},
      {"chunk", T::count, "1024", "Samples that travel, wait and are owned together; 1 with `grid`."},
      {"tile",
       T::word_or_count,
       "auto",
       "Samples in one forward call: a divisor of `chunk`; auto: 256 on a CPU, the chunk on a GPU.",
       k_yes,
       {"auto"}},
      {"coupling_period", T::duration, "",
       "Time from exchange to exchange, a multiple of the component's `timestep`; absent: every step. Step 1 has one."},
      {"time_reduction",
       T::word,
       "none",
       "Of inputs put since the last exchange: none (the last), accumulate (sum), average, minimum or maximum.",
       k_yes,
       {"none", "accumulate", "average", "minimum", "maximum"}},
      {"lag", T::whole, "0", "1: get returns the previous exchange; the network runs behind the physics.", k_not_yet},
      {"wire", T::word, "float32", "Kind of the numbers that travel.", k_yes, {"float32", "float64"}},
      {"compute",
       T::word,
       "float32",
       "Kind of the numbers that the network computes with; bfloat16: LibTorch's autocast, weights stay in float32.",
       k_yes,
       {"float32", "float64", "bfloat16"}},
      {"transport",
       T::word,
       "auto",
       "`point_to_point` never uses the shared window of a node.",
       k_yes,
       {"auto", "point_to_point"}},
      {"optimize",
       T::word,
       "auto",
       "What is done to a TorchScript network before it is served: freeze (weights become constants), inference "
       "(frozen, and "
       "fused as LibTorch sees fit) or none; auto: none.",
       k_yes,
       {"auto", "none", "freeze", "inference"}},
      {"cuda_graph", T::flag, "off", "Replays forward as one CUDA graph.", k_not_yet},
      {"tape", T::whole, "0", "Exchanges whose graphs are kept for adjoints.", k_not_yet},
      {"reproducible",
       T::word,
       "outputs",
       "outputs: forward bits equal for every decomposition; bfb: training steps too.",
       k_yes,
       {"outputs", "bfb"},
       {"bfb"}},
      {"inputs", T::list, k_required, "One entry for each argument of forward(), in order."},
      {"inputs[].fields", T::texts, k_required, "Fields of the argument, in order."},
      {"inputs[].combine",
       T::word,
       "concat",
       "Levels side by side `[tile, sum]`, or stacked `[tile, fields, levels]`.",
       k_yes,
       {"concat", "stack"}},
      {"outputs", T::list, k_required, "One entry for each tensor that forward() returns, in order."},
      {"outputs[].fields", T::texts, k_required, "Fields of the tensor, in order."},
      {"outputs[].combine", T::word, "concat", "As of inputs.", k_yes, {"concat", "stack"}},
      {"normalize", T::named, "", "(x - mean)/std on inputs, the inverse on outputs, for each field named."},
      {"normalize.*", T::word_or_mapping, "", "One field; `running`: learned online.", k_yes, {"running"}, {"running"}},
      {"normalize.*.mean", T::real, "0", "Mean, in the unit of the field."},
      {"normalize.*.std", T::real, "1", "Standard deviation, in the unit of the field; not 0."},
      {"normalize.*.from", T::text, "", "File that holds mean and std.", k_not_yet},
      {"guard", T::named, "", "Checks of outputs before they go back: a field, or `nonfinite`."},
      {"guard.*", T::mapping, "", "One output field."},
      {"guard.*.min", T::real, "", "Least value allowed, in the unit of the field."},
      {"guard.*.max", T::real, "", "Greatest value allowed."},
      {"guard.*.on_violation",
       T::word,
       "abort",
       "What is done with other values: clip, fallback (the point is given up, `info` says so) or abort.",
       k_yes,
       {"clip", "fallback", "abort"}},
      {"guard.*.fallback", T::text, "",
       "Field that the component puts, whose values are returned at points given up; absent: the array is left alone "
       "there."},
      {"guard.nonfinite",
       T::word,
       "abort",
       "What is done with values of any output that are not finite.",
       k_yes,
       {"fallback", "abort"}},
  };
  return rows;
}

const std::vector<Key>& training_keys() {
  static const std::vector<Key> rows{
      {"", T::mapping, "", "Learning while the component runs."},
      {".targets", T::named, "", "For each output field the field with its true values."},
      {".targets.*", T::text, "", "Field that the component puts."},
      {".weights", T::text, "", "Field: weight of each point in the loss; 0: masked."},
      {".loss", T::list, k_required, "Terms of a weighted sum, each named like a loss of LibTorch."},
      {".loss[].mse", T::mapping, "", "Mean squared error."},
      {".loss[].mse.fields", T::texts, k_required, "Output fields of the term."},
      {".loss[].huber", T::mapping, "", "Huber loss."},
      {".loss[].huber.fields", T::texts, k_required, "Output fields of the term."},
      {".loss[].huber.delta", T::real, "1", "Where the loss turns from square to linear."},
      {".loss[].weight", T::real, "1", "Weight of the term."},
      {".trainable", T::texts, "[\"*\"]", "Names or patterns of parameters that learn."},
      {".frozen", T::texts, "", "Names or patterns of parameters that do not."},
      {".optimizer", T::mapping, k_required, "The optimizer."},
      {".optimizer.adamw", T::mapping, "", "AdamW."},
      {".optimizer.adamw.lr", T::real, k_required, "Learning rate."},
      {".optimizer.adamw.weight_decay", T::real, "0.01", "Weight decay."},
      {".schedule", T::mapping, "", "Schedule of the learning rate."},
      {".schedule.cosine", T::mapping, "", "Cosine decay."},
      {".schedule.cosine.steps", T::count, k_required, "Optimizer steps to the end of the decay."},
      {".schedule.cosine.warmup", T::whole, "0", "Optimizer steps of linear warm-up."},
      {".accumulate", T::count, "1", "Exchanges whose gradients are summed before one optimizer step."},
      {".clip_norm", T::real, "", "Largest norm of the gradient."},
      {".validation", T::mapping, "", "Points that are never trained on."},
      {".validation.fraction", T::real, k_required, "Their fraction."},
      {".validation.block", T::count, "1", "Neighbouring ids that stay together."},
      {".patience", T::count, "", "Validations without progress before learning stops."},
      {".max_bad_steps", T::count, "", "Steps with a loss that is no number before the run aborts."},
      {".replay", T::mapping, "", "Past samples drawn again."},
      {".replay.capacity", T::count, k_required, "Samples kept."},
      {".replay.batches", T::count, "1", "Batches drawn in each exchange."},
      {".checkpoint", T::mapping, "", "Checkpoints by optimizer step."},
      {".checkpoint.directory", T::text, k_required, "Where they are written."},
      {".checkpoint.every", T::count, k_required, "Optimizer steps from one to the next."},
      {".checkpoint.keep", T::count, "3", "How many are kept."},
      {".resume", T::text, "", "Checkpoint to go on from; `latest`: the last one."},
      {".log", T::mapping, "", "Where the progress is written."},
      {".log.csv", T::text, "", "A table as text."},
      {".log.tensorboard", T::text, "", "A directory for TensorBoard."},
  };
  return rows;
}

const std::vector<Key>& output_keys() {
  static const std::vector<Key> rows{
      {"resume", T::text, "", "Label of the restart set, below output.directory, to go on from; absent: start afresh."},
      {"output", T::mapping, "", "What a run writes."},
      {"output.directory", T::text, ".",
       "Where it is written, relative to the folder that `ekman serve` is started in; made if it is not there; all ML "
       "ranks must see "
       "it."},
  };
  return rows;
}

const std::vector<Key>& run_keys() {
  static const std::vector<Key> rows{
      {"output.record", T::mapping, "", "Recording of fields, readable as netCDF-4."},
      {"output.record.fields", T::texts, k_required, "Fields recorded."},
      {"output.record.every", T::count, "1", "Exchanges from one record to the next."},
      {"output.record.file", T::text, k_required, "File of the recording."},
      {"output.profile", T::flag, "off", "Writes where the time went."},
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

std::vector<Key> not_yet(std::vector<Key> rows) {
  for (Key& row : rows) row.status = Status::not_yet;
  return rows;
}

std::vector<Key> make_table() {
  std::vector<Key> table;
  add(table, "", root_keys());
  add(table, "networks.*.", network_keys());
  add(table, "networks.*.training", not_yet(training_keys()));
  add(table, "", output_keys());
  add(table, "", not_yet(run_keys()));
  add(table, "", wait_keys());
  return table;
}

}  // namespace

const std::vector<Key>& key_table() {
  static const std::vector<Key> table = make_table();
  return table;
}

const Key* find_key(const std::string& path) {
  for (const Key& key : key_table())
    if (key.path == path) return &key;
  return nullptr;
}

std::vector<const Key*> keys_below(const std::string& parent) {
  std::vector<const Key*> keys;
  for (const Key& key : key_table())
    if (key.parent() == parent) keys.push_back(&key);
  return keys;
}

}  // namespace ekman
