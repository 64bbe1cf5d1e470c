// Implements own_loss.hpp.
#include "adapters/torch/own_loss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/torch/row_slots.hpp"
#include "adapters/torch/torch_message.hpp"
#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {

OwnLoss::OwnLoss(const NetworkSpec& spec, const LossTerm& term, const RowLayout& in, const RowLayout& out,
                 const RowLayout& truth, const torch::jit::Module* script, at::TensorOptions options)
    : term_(term),
      method_(open_loss(spec, term, script, options)),
      in_constants_(row_normalization(spec, in, options)),
      out_constants_(row_normalization(spec, out, options)),
      rows_per_sample_(spec.rows_per_sample()),
      grid_ny_(spec.grid_ny),
      grid_nx_(spec.grid_nx) {
  find_fields(spec, in, out, truth);
}

void OwnLoss::fail(const std::string& what) const { throw Error(ErrorCode::network, method_.who + " " + what); }

void OwnLoss::fail_without_gradient() const {
  fail(
      "has no gradient, so that nothing can be learned from it; compute it from `outputs` without detach(), no_grad() "
      "or whole numbers on the way, or give it `weight: 0` if it is for the log only");
}

void OwnLoss::find_fields(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out, const RowLayout& truth) {
  for (const FieldSlot& slot : out.fields) {
    outputs_.push_back({slot.name, slot, false});
    const auto target = spec.training.targets.find(slot.name);
    if (target != spec.training.targets.end()) targets_.push_back({slot.name, slot_of(truth, target->second), true});
  }
  for (const FieldSlot& slot : in.fields) inputs_.push_back({slot.name, slot, false});
  for (const std::string& name : term_.extra) {
    const bool known =
        std::any_of(inputs_.begin(), inputs_.end(), [&](const Field& field) { return field.name == name; });
    if (!known) inputs_.push_back({name, slot_of(truth, name), true});
  }
}

// [samples, rows per sample, levels] -> [samples, levels] or [samples, levels, ny, nx]
at::Tensor OwnLoss::per_sample(const at::Tensor& columns) const {
  if (rows_per_sample_ == 1) return columns.squeeze(1);
  return columns.transpose(1, 2).reshape({columns.size(0), columns.size(2), grid_ny_, grid_nx_});
}

at::IValue OwnLoss::argument(std::size_t which, const std::vector<at::Tensor>& columns) const {
  if (method_.forms[which] == LossForm::tensor) return per_sample(at::cat(columns, 2)).contiguous();
  const std::vector<Field>& fields = which == 0 ? outputs_ : which == 1 ? targets_ : inputs_;
  c10::Dict<std::string, at::Tensor> dict;
  for (std::size_t i = 0; i < fields.size(); ++i) dict.insert(fields[i].name, per_sample(columns[i]).contiguous());
  return dict;
}

at::Tensor OwnLoss::weighted(const LossRows& rows) const {
  const std::int64_t samples = rows.out.size(0) / rows_per_sample_;
  const at::Tensor all_weights = rows.weights.view({samples, rows_per_sample_});
  const at::Tensor counted = all_weights.sum(1).gt(0).nonzero().squeeze(1);
  if (counted.numel() == 0) return at::zeros({}, rows.out.options().requires_grad(false));
  const at::Tensor weights = all_weights.index_select(0, counted), known = weights.gt(0).unsqueeze(2);
  const auto pick = [&](const at::Tensor& all) {
    return all.view({samples, rows_per_sample_, all.size(1)}).index_select(0, counted);
  };
  const auto columns = [](const at::Tensor& all, const FieldSlot& slot) {
    return all.narrow(2, slot.offset, slot.levels);
  };
  at::Tensor out = pick(rows.out), in = pick(rows.in);
  if (out_constants_.mean.defined()) out = out * out_constants_.std + out_constants_.mean;
  out = at::where(known, out, out.detach());
  in = at::where(known, in, in_constants_.mean.defined() ? in_constants_.mean : at::zeros({1}, in.options()));
  const at::Tensor truth = pick(rows.truth);
  std::vector<at::Tensor> sides[3];
  for (const Field& field : outputs_) sides[0].push_back(columns(out, field.slot));
  for (const Field& field : targets_) {
    const auto output =
        std::find_if(outputs_.begin(), outputs_.end(), [&](const Field& o) { return o.name == field.name; });
    const at::Tensor own = columns(out, output->slot).detach(), target = columns(truth, field.slot);
    sides[1].push_back(at::where(known, target, own.size(2) == target.size(2) ? own : at::zeros_like(target)));
  }
  for (const Field& field : inputs_) {
    const at::Tensor value = columns(field.of_truth ? truth : in, field.slot);
    sides[2].push_back(field.of_truth ? at::where(known, value, at::zeros_like(value)) : value);
  }
  std::vector<at::IValue> arguments;
  for (std::size_t i = 0; i < 3; ++i) arguments.push_back(argument(i, sides[i]));
  return (call(std::move(arguments), counted.numel()) * weights.sum(1)).sum();
}

at::Tensor OwnLoss::call(std::vector<at::IValue> arguments, std::int64_t samples) const {
  at::IValue result;
  try {
    result = method_.module.get_method(method_.name)(std::move(arguments));
  } catch (const std::exception& error) {
    fail(fmt::format("fails: {}; see whether it asks for fields and shapes that the plan gives", torch_message(error)));
  }
  if (!result.isTensor()) fail(fmt::format("returns a {}; it must return a tensor", result.tagKind()));
  const at::Tensor values = result.toTensor();
  if (values.dim() != 1 || values.size(0) != samples || !values.is_floating_point()) {
    fail(fmt::format(
        "returns a tensor of shape [{}] ({}) for {} samples; it must return one value for each sample, [{}]",
        joined(values.sizes(), ", "), at::toString(values.scalar_type()), samples, samples));
  }
  return values;
}

}  // namespace ekman
