// The plan as bytes and back. Format: "EKPL", then values, each a tag byte and its content, little-endian on
// every machine: 'i' int64, 'd' float64, 's' length and characters, 'l' number of entries. The first value is the
// version. One walk (`visit`) serves both directions, so that they cannot drift apart. A plan has one form: bytes that
// a plan is read from are those that it is written to.
#include <cstring>
#include <limits>
#include <utility>

#include "coupler/plan/plan.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr char k_magic[] = "EKPL";
constexpr std::int64_t k_version = 12;

void fail(const char* reason) {
  throw Error(ErrorCode::internal, std::string("received bytes that are no Ekman plan: ") + reason +
                                       "; are all programs of this job built with the same Ekman?");
}

class Writer {
 public:
  void operator()(std::int64_t& value) { put('i', static_cast<std::uint64_t>(value)); }
  void operator()(double& value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    put('d', bits);
  }
  void operator()(std::string& value) {
    put('s', value.size());
    bytes_ += value;
  }
  std::size_t list(std::size_t size) {
    put('l', size);
    return size;
  }
  std::string take() { return std::move(bytes_); }

 private:
  void put(char tag, std::uint64_t bits) {
    bytes_ += tag;
    for (int byte = 0; byte < 8; ++byte) bytes_ += static_cast<char>((bits >> (8 * byte)) & 0xff);
  }

  std::string bytes_ = k_magic;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {
    if (bytes.compare(0, 4, k_magic) != 0) fail("wrong first bytes");
  }
  void operator()(std::int64_t& value) { value = static_cast<std::int64_t>(get('i')); }
  void operator()(double& value) {
    const std::uint64_t bits = get('d');
    std::memcpy(&value, &bits, sizeof value);
  }
  void operator()(std::string& value) {
    const std::size_t size = bounded(get('s'));
    value = bytes_.substr(position_, size);
    position_ += size;
  }
  std::size_t list(std::size_t) { return bounded(get('l')); }
  void finish() const {
    if (position_ != bytes_.size()) fail("bytes are left over");
  }

 private:
  std::uint64_t get(char tag) {
    if (bytes_.size() - position_ < 9) fail("they end too early");
    if (bytes_[position_] != tag) fail("a value of another kind was expected");
    std::uint64_t bits = 0;
    for (int byte = 0; byte < 8; ++byte)
      bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[position_ + 1 + byte])) << (8 * byte);
    position_ += 9;
    return bits;
  }
  // Characters, and entries of a list, take one byte at least.
  std::size_t bounded(std::uint64_t size) const {
    if (size > bytes_.size() - position_) fail("a length is larger than what is left");
    return static_cast<std::size_t>(size);
  }

  const std::string& bytes_;
  std::size_t position_ = 4;
};

template <class Archive>
void visit(Archive& archive, int& value) {
  std::int64_t wide = value;
  archive(wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) fail("a number is too large");
  value = static_cast<int>(wide);
}

template <class Archive, class Enum>
void visit_enum(Archive& archive, Enum& value, Enum last) {
  auto number = static_cast<std::int64_t>(value);
  archive(number);
  if (number < 0 || number > static_cast<std::int64_t>(last)) fail("an unknown choice");
  value = static_cast<Enum>(number);
}

template <class Archive>
void visit(Archive& archive, std::string& value) {
  archive(value);
}

template <class Archive>
void visit(Archive& archive, std::int64_t& value) {
  archive(value);
}

template <class Archive>
void visit(Archive& archive, double& value) {
  archive(value);
}

template <class Archive>
void visit_flag(Archive& archive, bool& flag) {
  std::int64_t number = flag ? 1 : 0;
  archive(number);
  if (number != 0 && number != 1) fail("a flag is neither 0 nor 1");
  flag = number == 1;
}

template <class Archive, class Item>
void visit(Archive& archive, std::vector<Item>& items) {
  std::vector<Item> given = std::move(items);
  items.clear();
  const std::size_t size = archive.list(given.size());
  for (std::size_t i = 0; i < size; ++i) {
    // One by one: memory follows the bytes that are there, not the number that they claim.
    items.push_back(i < given.size() ? std::move(given[i]) : Item{});
    visit(archive, items.back());
  }
}

template <class Archive>
void visit(Archive& archive, Argument& argument) {
  visit(archive, argument.fields);
  visit_enum(archive, argument.combine, Combine::stack);
}

template <class Archive>
void visit(Archive& archive, Normalization& normalization) {
  visit(archive, normalization.mean);
  visit(archive, normalization.std);
  visit_flag(archive, normalization.running);
  archive(normalization.from);
}

template <class Archive>
void visit(Archive& archive, FieldGuard& guard) {
  archive(guard.min);
  archive(guard.max);
  visit_enum(archive, guard.on_violation, OnViolation::abort);
  archive(guard.fallback);
}

template <class Archive, class Value>
void visit(Archive& archive, std::map<std::string, Value>& map) {
  const std::map<std::string, Value> given = std::move(map);
  map.clear();
  const std::size_t size = archive.list(given.size());
  auto entry = given.begin();
  for (std::size_t i = 0; i < size; ++i) {
    std::string name = entry != given.end() ? entry->first : "";
    Value value = entry != given.end() ? (entry++)->second : Value{};
    archive(name);
    visit(archive, value);
    if (!map.empty() && name <= map.rbegin()->first) fail("names are out of order");
    map[name] = value;
  }
}

template <class Archive>
void visit(Archive& archive, Guard& guard) {
  visit_flag(archive, guard.given);
  visit_enum(archive, guard.nonfinite, OnViolation::abort);
  visit(archive, guard.fields);
}

template <class Archive>
void visit(Archive& archive, NetworkArgument& argument) {
  visit(archive, argument.values);
  visit_flag(archive, argument.is_list);
}

template <class Archive>
void visit(Archive& archive, NetworkSource& source) {
  visit_enum(archive, source.kind, SourceKind::none);
  archive(source.path);
  archive(source.sha256);
  archive(source.name);
  visit(archive, source.arguments);
  archive(source.seed);
  archive(source.library);
  archive(source.artifact);
  archive(source.optimizer);
}

template <class Archive>
void visit(Archive& archive, Calendar& calendar) {
  visit_flag(archive, calendar.given);
  visit_enum(archive, calendar.kind, CalendarKind::days_360);
  archive(calendar.start);
}

template <class Archive>
void visit(Archive& archive, FieldSpec& field) {
  archive(field.levels);
  archive(field.units);
}

template <class Archive>
void visit(Archive& archive, ComponentSpec& component) {
  archive(component.name);
  archive(component.timestep);
  archive(component.points);
  visit(archive, component.fields);
}

template <class Archive>
void visit(Archive& archive, LossTerm& term) {
  visit_enum(archive, term.kind, LossKind::torchscript);
  visit(archive, term.fields);
  visit(archive, term.extra);
  for (double* value : {&term.weight, &term.delta, &term.beta, &term.label_smoothing}) archive(*value);
  archive(term.source);
}

template <class Archive>
void visit(Archive& archive, OptimizerSpec& spec) {
  visit_enum(archive, spec.kind, OptimizerKind::lbfgs);
  for (double* value :
       {&spec.lr, &spec.weight_decay, &spec.momentum, &spec.dampening, &spec.beta1, &spec.beta2, &spec.eps, &spec.alpha,
        &spec.lr_decay, &spec.initial_accumulator, &spec.tolerance_grad, &spec.tolerance_change})
    archive(*value);
  for (bool* flag : {&spec.nesterov, &spec.amsgrad, &spec.centered}) visit_flag(archive, *flag);
  archive(spec.history);
}

template <class Archive>
void visit(Archive& archive, ScheduleSpec& schedule) {
  visit_enum(archive, schedule.kind, ScheduleKind::linear);
  archive(schedule.warmup);
  archive(schedule.steps);
  archive(schedule.gamma);
  archive(schedule.last);
}

template <class Archive>
void visit(Archive& archive, TrainingSpec& training) {
  visit_flag(archive, training.given);
  visit(archive, training.targets);
  archive(training.weights);
  visit(archive, training.loss);
  visit(archive, training.trainable);
  visit(archive, training.frozen);
  visit(archive, training.optimizer);
  visit(archive, training.schedule);
  archive(training.delay);
  archive(training.accumulate);
  archive(training.clip_norm);
  archive(training.clip_value);
  archive(training.seed);
  archive(training.validation.fraction);
  archive(training.validation.block);
  archive(training.validation.every);
  archive(training.patience);
  archive(training.max_bad_steps);
  visit_flag(archive, training.verify);
  archive(training.replay.capacity);
  archive(training.replay.batches);
  archive(training.checkpoint.directory);
  archive(training.checkpoint.every);
  archive(training.checkpoint.keep);
  OfflineSpec& offline = training.offline;
  visit_flag(archive, offline.given);
  archive(offline.epochs);
  archive(offline.batch);
  visit_flag(archive, offline.shuffle);
  archive(offline.split.train);
  archive(offline.split.validation);
  archive(offline.split.test);
  visit_enum(archive, offline.split.rule, SplitRule::id);
  archive(offline.split.block);
  archive(offline.split.gap);
  archive(offline.split.seed);
  archive(training.resume);
  archive(training.csv);
  archive(training.tensorboard);
}

template <class Archive>
void visit(Archive& archive, NetworkSpec& network) {
  archive(network.name);
  archive(network.component);
  visit(archive, network.ranks);
  visit(archive, network.devices);
  visit_enum(archive, network.placed, Placed::in_component);
  visit(archive, network.threads);
  visit(archive, network.source);
  visit_enum(archive, network.sample, Sample::grid);
  archive(network.grid_ny);
  archive(network.grid_nx);
  archive(network.chunk);
  archive(network.tile);
  archive(network.coupling_period);
  visit_enum(archive, network.time_reduction, Reduction::maximum);
  archive(network.lag);
  visit_enum(archive, network.wire, Real::float64);
  visit_enum(archive, network.compute, Compute::float16);
  visit_enum(archive, network.optimize, Optimize::inference);
  visit_flag(archive, network.cuda_graph);
  visit_enum(archive, network.transport, Transport::point_to_point);
  visit_enum(archive, network.reproducible, Reproducible::bfb);
  archive(network.tape);
  visit(archive, network.inputs);
  visit(archive, network.outputs);
  visit(archive, network.normalize);
  visit(archive, network.guard);
  visit(archive, network.training);
}

template <class Archive>
void visit(Archive& archive, RecordSpec& record) {
  visit_flag(archive, record.given);
  visit(archive, record.fields);
  archive(record.every);
  archive(record.file);
  archive(record.max_bytes);
  archive(record.records_per_file);
}

template <class Archive>
void visit(Archive& archive, Plan& plan) {
  std::int64_t version = k_version;
  archive(version);
  if (version != k_version) fail("another version");
  archive(plan.file);
  visit(archive, plan.calendar);
  visit(archive, plan.components);
  visit(archive, plan.networks);
  archive(plan.resume);
  archive(plan.output_directory);
  visit(archive, plan.record);
  visit_flag(archive, plan.profile);
  archive(plan.timeout);
  archive(plan.timeout_physics);
}

}  // namespace

std::string serialise(const Plan& plan) {
  Plan copy = plan;
  Writer writer;
  visit(writer, copy);
  return writer.take();
}

Plan deserialise(const std::string& bytes) {
  Reader reader(bytes);
  Plan plan;
  visit(reader, plan);
  reader.finish();
  return plan;
}

}  // namespace ekman
