// Implements checkpoint_network.hpp.
#include "adapters/torch/checkpoint_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "adapters/torch/learned_network.hpp"
#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr const char* k_parameters = "parameters/";
constexpr const char* k_buffers = "buffers/";

at::ScalarType kind_of(ArrayKind kind) {
  if (kind == ArrayKind::float32) return at::kFloat;
  return kind == ArrayKind::float64 ? at::kDouble : at::kLong;
}

[[noreturn]] void fail(const std::string& network, const Checkpoint& checkpoint, const std::string& what) {
  throw Error(ErrorCode::network, fmt::format("network \"{}\": checkpoint {} {}", network, checkpoint.path, what));
}

void copy_array(const std::string& network, const Checkpoint& checkpoint, const std::string& name, at::Tensor to) {
  if (to.is_complex()) to = at::view_as_real(to.detach());
  const auto& arrays = checkpoint.state.arrays;
  const auto found =
      std::find_if(arrays.begin(), arrays.end(), [&](const NamedArray& array) { return array.name == name; });
  if (found == arrays.end())
    fail(network, checkpoint, fmt::format("has no array \"{}\"; take one that Ekman wrote", name));
  if (to.sizes() != at::IntArrayRef(found->shape)) {
    fail(network, checkpoint,
         fmt::format("has \"{}\" of shape [{}], but the fields of the plan need [{}]; give `inputs` and `outputs` the "
                     "fields and levels that it learned with",
                     name, joined(found->shape, ", "), joined(to.sizes(), ", ")));
  }
  const at::NoGradGuard no_grad;
  to.copy_(at::from_blob(const_cast<std::byte*>(found->bytes.data()), found->shape, kind_of(found->kind)));
}

std::string mean_of(const std::string& field) { return "normalization/" + field + "/mean"; }

bool has_array(const Checkpoint& checkpoint, const std::string& name) {
  const auto& arrays = checkpoint.state.arrays;
  return std::any_of(arrays.begin(), arrays.end(), [&](const NamedArray& array) { return array.name == name; });
}

// Of the one field that there is; those of one that was never learned leave it as it is.
Normalization constants_of(const RunningNormalization::Statistics& statistics) {
  const RunningNormalization::Field& field = statistics.fields.front();
  Normalization constants{{}, {}};
  for (std::size_t level = 0; level < field.mean.size(); ++level) {
    constants.mean.push_back(field.mean[level]);
    constants.std.push_back(statistics.count > 0.0 ? statistics.std_of(field.squares[level]) : 1.0);
  }
  return constants;
}

}  // namespace

NetworkSource source_of_checkpoint(const NetworkSpec& spec, const Checkpoint& checkpoint) {
  const std::string& network = spec.name;
  NetworkSource source;
  try {
    source = network_source(checkpoint.state.network);
  } catch (const Error&) {
    fail(network, checkpoint, "does not say what network it is of; take one that this Ekman wrote");
  }
  if (source.is_own() && !spec.source.library.empty()) source.library = spec.source.library;
  if (source.kind == SourceKind::builtin) return source;
  source = {};
  source.kind = SourceKind::torchscript;
  source.path = script_beside(checkpoint);
  if (source.path.empty())
    fail(network, checkpoint,
         fmt::format("is of a TorchScript network, but there is no {} that was written with it; put the two files "
                     "beside each other",
                     std::filesystem::path(checkpoint.path).replace_extension(k_script).string()));
  return source;
}

void take_weights(const std::string& network, const Checkpoint& checkpoint, TorchNetwork& to) {
  take_weights(network, checkpoint, to.parameters(), to.buffers());
}

void take_weights(const std::string& network, const Checkpoint& checkpoint,
                  const std::vector<NamedParameter>& parameters, const std::vector<NamedParameter>& buffers) {
  for (const NamedParameter& parameter : parameters)
    copy_array(network, checkpoint, k_parameters + parameter.name, parameter.tensor);
  for (const NamedParameter& buffer : buffers) copy_array(network, checkpoint, k_buffers + buffer.name, buffer.tensor);
}

void add_normalization(const Checkpoint& checkpoint, const RowLayout& in, const RowLayout& out, NetworkSpec& spec) {
  for (auto& [field, constants] : network_constants(checkpoint.state.network)) {
    const auto has = [&, &name = field](const RowLayout& rows) {
      return std::any_of(rows.fields.begin(), rows.fields.end(),
                         [&](const FieldSlot& slot) { return slot.name == name; });
    };
    if (has(in) || has(out)) spec.normalize.insert({field, constants});
  }
  for (const FieldSlot& slot : in.fields) {
    const auto given = spec.normalize.find(slot.name);
    const bool goes_on = given != spec.normalize.end() && (!given->second.running || spec.training.given);
    if (goes_on || !has_array(checkpoint, mean_of(slot.name))) continue;
    NetworkSpec alone;
    alone.name = spec.name;
    alone.normalize[slot.name].running = true;
    spec.normalize[slot.name] = constants_of(learned_statistics(alone, checkpoint, {{{slot.name, slot.levels, 0}}}));
  }
}

std::vector<std::string> fields_normalised_otherwise(const NetworkSpec& spec, const Checkpoint& checkpoint,
                                                     const RowLayout& in, const RowLayout& out) {
  NetworkSpec learned;
  learned.name = spec.name;
  add_normalization(checkpoint, in, out, learned);
  std::vector<std::string> fields;
  for (const RowLayout* rows : {&in, &out}) {
    for (const FieldSlot& slot : rows->fields) {
      const auto given = spec.normalize.find(slot.name);
      if (given == spec.normalize.end() || given->second.running) continue;
      const RowLayout alone{{{slot.name, slot.levels, 0}}};
      learned.normalize.insert({slot.name, {}});
      const RowNormalization here = row_normalization(spec, alone, at::kDouble),
                             there = row_normalization(learned, alone, at::kDouble);
      if (!at::equal(here.mean, there.mean) || !at::equal(here.std, there.std)) fields.push_back(slot.name);
    }
  }
  return fields;
}

RunningNormalization::Statistics learned_statistics(const NetworkSpec& spec, const Checkpoint& checkpoint,
                                                    const RowLayout& in) {
  RunningNormalization::Statistics statistics =
      RunningNormalization(spec, in, row_normalization(spec, in, at::kDouble)).statistics();
  const bool any = std::any_of(statistics.fields.begin(), statistics.fields.end(),
                               [&](const auto& field) { return has_array(checkpoint, mean_of(field.name)); });
  if (!any) return statistics;
  struct Reader {
    const std::string& network;
    const Checkpoint& checkpoint;
    void operator()(const std::string& name, double& number) const {
      copy_array(network, checkpoint, name, at::from_blob(&number, {}, at::kDouble));
    }
    void operator()(const std::string& name, std::vector<double>& numbers) const {
      copy_array(network, checkpoint, name,
                 at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kDouble));
    }
  } reader{spec.name, checkpoint};
  for (const auto& field : statistics.fields) {
    if (has_array(checkpoint, mean_of(field.name))) continue;
    fail(spec.name, checkpoint,
         fmt::format(
             "has a running normalisation, but none of \"{}\"; give that field its mean and std, or begin without "
             "the checkpoint",
             field.name));
  }
  statistics.visit(reader);
  return statistics;
}

NetworkSize size_of_checkpoint(const Checkpoint& checkpoint) {
  NetworkSize size;
  for (const NamedArray& array : checkpoint.state.arrays) {
    if (array.name.rfind(k_parameters, 0) != 0) continue;
    const auto bytes = static_cast<std::int64_t>(array.bytes.size());
    size.parameters += bytes / (array.kind == ArrayKind::float32 ? 4 : 8);
    size.bytes += bytes;
  }
  return size;
}

}  // namespace ekman
