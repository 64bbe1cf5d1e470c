// The plan: the validated content of the YAML file as plain structs. Filled by adapters/yaml on the first ML
// rank, completed with every default, and sent to all other ranks in the handshake.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "coupler/plan/calendar.hpp"
#include "coupler/plan/record_spec.hpp"
#include "coupler/plan/training_spec.hpp"

namespace ekman {

enum class Real { float32, float64 };
enum class Combine { concat, stack };
enum class Sample { point, grid };
enum class Reduction { none, accumulate, average, minimum, maximum };
// bfloat16, float16: weights in float32, forward under autocast.
enum class Compute { float32, float64, bfloat16, float16 };
// What is done to a TorchScript network before it is served.
enum class Optimize { automatic, none, freeze, inference };
// bfb: training steps too are equal in all bits for every decomposition.
enum class Reproducible { outputs, bfb };
enum class Transport { automatic, point_to_point };
// Where a network runs: on ranks of its own, or in the processes of its component.
enum class Placed { dedicated, in_component };
// none: nothing is run, and what comes is recorded.
enum class SourceKind { echo, torchscript, builtin, checkpoint, none };

constexpr std::int64_t real_size(Real real) { return real == Real::float32 ? 4 : 8; }

// One argument of forward(), or one of its outputs: fields side by side ([tile, sum of levels]) or
// stacked ([tile, fields, levels]).
struct Argument {
  std::vector<std::string> fields;
  Combine combine = Combine::concat;
};

// (x - mean) / std on inputs, x * std + mean on outputs, in the field's own units.
struct Normalization {
  std::vector<double> mean{0.0}, std{1.0};  // of each level, or one for all; empty: in a file that is not read yet
  bool running = false;   // learned from the inputs that come by; mean and std are what it begins with
  std::string from = {};  // the file that mean and std are of, level by level; empty: the plan has them

  bool is_known() const { return !mean.empty(); }
};

// An argument of a built-in network, in the words of the plan: one text, or a list of them.
struct NetworkArgument {
  std::vector<std::string> values;
  bool is_list = false;
};

// By key; "padding.x" is x below padding.
using ArgumentMap = std::map<std::string, NetworkArgument>;

// What LibTorch runs. `path` belongs to torchscript and checkpoint, `sha256` to torchscript; `name`, `arguments` and
// `seed` make a built-in network, or one of the user's own, which is in `library`.
struct NetworkSource {
  SourceKind kind = SourceKind::echo;
  std::string path;
  std::string sha256;
  std::string name;
  ArgumentMap arguments;
  std::int64_t seed = 0;
  std::string library;    // of a checkpoint: in place of the file that it was made with
  std::string artifact;   // the directory that a TorchScript file is part of
  std::string optimizer;  // the kind of optimizer whose state that may have

  bool is_own() const { return kind == SourceKind::builtin && !library.empty(); }
  // It only takes time.
  bool is_sleep() const { return kind == SourceKind::builtin && library.empty() && name == "sleep"; }
};

// What is done with values of an output that break a rule of the guard.
enum class OnViolation { clip, fallback, abort };

// Of one output field, in its unit. `fallback` names the component's field that takes the place of points given up;
// empty: the array is left alone there.
struct FieldGuard {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  OnViolation on_violation = OnViolation::abort;
  std::string fallback;
};

// Of a network's outputs. `nonfinite` (never clip) is for values that are infinite or no number, of all output fields.
struct Guard {
  bool given = false;
  OnViolation nonfinite = OnViolation::abort;
  std::map<std::string, FieldGuard> fields;
};

// What the plan says of a component's field; compared with its definition at enddef.
struct FieldSpec {
  std::int64_t levels = 0;  // 0: not given
  std::string units;        // empty: not given
};

struct ComponentSpec {
  std::string name;
  std::int64_t timestep = 0;  // microseconds; 0: not given
  std::int64_t points = -1;   // all ranks together; -1: not given
  std::map<std::string, FieldSpec> fields;
};

struct NetworkSpec {
  std::string name;
  std::string component;
  Placed placed = Placed::dedicated;
  int ranks = 1;                             // ML ranks; 0 in the component
  std::vector<std::string> devices{"auto"};  // one for all ranks, or one entry an ML rank
  int threads = 1;
  NetworkSource source;
  Sample sample = Sample::point;
  std::int64_t grid_ny = 0;  // grid only
  std::int64_t grid_nx = 0;
  std::int64_t chunk = 1024;         // samples
  std::int64_t tile = 0;             // samples; 0: auto
  std::int64_t coupling_period = 0;  // microseconds; 0: every step
  Reduction time_reduction = Reduction::none;
  std::int64_t lag = 0;  // exchanges by which gets are behind puts: 0 or 1
  Real wire = Real::float32;
  Compute compute = Compute::float32;
  Optimize optimize = Optimize::automatic;
  bool cuda_graph = false;  // on a GPU; of no effect on a CPU
  Transport transport = Transport::automatic;
  Reproducible reproducible = Reproducible::outputs;
  std::int64_t tape = 0;  // exchanges whose graphs are kept for adjoints
  std::vector<Argument> inputs;
  std::vector<Argument> outputs;
  std::map<std::string, Normalization> normalize;
  Guard guard;
  TrainingSpec training;

  bool is_inline() const { return placed == Placed::in_component; }
  // LibTorch runs it.
  bool is_computed() const {
    return source.kind != SourceKind::echo && source.kind != SourceKind::none && !source.is_sleep();
  }
  // Rows (points) of one sample and of one chunk.
  std::int64_t rows_per_sample() const { return sample == Sample::grid ? grid_ny * grid_nx : 1; }
  std::int64_t rows_per_chunk() const { return chunk * rows_per_sample(); }
};

struct Plan {
  std::string file;  // for messages only
  Calendar calendar;
  std::vector<ComponentSpec> components;
  std::vector<NetworkSpec> networks;
  std::string resume;  // label of the restart set to go on from; empty: start afresh
  std::string output_directory = ".";
  RecordSpec record;
  bool profile = false;  // ranks keep where their time goes
  // How long a rank may wait, in microseconds: in general, and for a component rank that is in its own code.
  std::int64_t timeout = 600 * k_microseconds_per_second;
  std::int64_t timeout_physics = 600 * k_microseconds_per_second;
};

// The component of that name, or null.
const ComponentSpec* find_component(const Plan& plan, const std::string& name);

// Steps of its component from one exchange of the network to the next. Step 1 has an exchange.
std::int64_t steps_between_exchanges(const Plan& plan, const NetworkSpec& network);

// How messages name the steps of a component.
StepClock step_clock(const Plan& plan, const std::string& component);

// ML ranks that the plan asks for, all networks together.
int ml_ranks_of(const Plan& plan);

// Fields of a network's arguments in row order: all fields of argument 0, then of argument 1, ...
std::vector<std::string> fields_of(const std::vector<Argument>& arguments);

// Fields of a network in the order of its rows: inputs, then outputs.
std::vector<std::string> all_fields_of(const NetworkSpec& network);

// Fields of the truth that a network learns from, in the order of its rows: the targets in the order of the outputs,
// weights, then what losses of the user's own take besides; each once. Empty if it does not learn from targets.
std::vector<std::string> truth_fields_of(const NetworkSpec& network);

// Inputs, outputs and truth, each once: the fields that can be recorded.
std::vector<std::string> route_fields_of(const NetworkSpec& network);

// Those of them that the plan records; none inline.
std::vector<std::string> recorded_fields_of(const Plan& plan, const NetworkSpec& network);

// "mse(heating)": what logs and checkpoints call a term of the loss; one of the user's own by its method or file.
std::string name_of(const LossTerm& term);

// Those of truth_fields_of, the first ones, that come `training.delay` exchanges after the inputs that they belong to:
// targets and weights.
std::vector<std::string> late_fields_of(const NetworkSpec& network);

// Levels that the target of `output` must have if that has `levels`; 0: any, since only losses of the user's own take
// it.
std::int64_t levels_of_target(const NetworkSpec& network, const std::string& output, std::int64_t levels);

// The other way round: levels of `output` if its target has `levels`; 0: the target does not tell, since it holds
// classes or only losses of the user's own take it.
std::int64_t levels_from_target(const NetworkSpec& network, const std::string& output, std::int64_t levels);

// Fields of a component that its networks take, return or fall back on: each once, in the order of the plan.
std::vector<std::string> used_fields(const Plan& plan, const std::string& component);

// An error keeps the plan from being run; a warning tells what is hardly meant; a note, what it has from elsewhere; a
// hint, what could be better.
enum class Severity { error, warning, note, hint };

// One sentence about the plan. `path` is such as "networks.convection.tile", for the adapter to find the line.
struct Problem {
  std::string path;
  std::string text;
  Severity severity = Severity::error;
};

// All errors that can be seen in the plan alone; empty if there are none.
std::vector<Problem> cross_check(const Plan& plan);

// Warnings and hints about a plan without errors.
std::vector<Problem> advise(const Plan& plan);

// The plan as bytes, the same on every rank; `deserialise` throws Error for bytes that are no plan.
std::string serialise(const Plan& plan);
Plan deserialise(const std::string& bytes);

}  // namespace ekman
