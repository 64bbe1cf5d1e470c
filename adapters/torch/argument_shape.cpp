// Views between rows and the tensors of forward().
#include "adapters/torch/argument_shape.hpp"

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {

ArgumentShape::ArgumentShape(const NetworkSpec& spec, const Argument& argument, const std::vector<FieldSlot>& slots)
    : offset_(slots.front().offset), rows_per_sample_(spec.rows_per_sample()) {
  for (const FieldSlot& slot : slots) {
    width_ += slot.levels;
    fields_ += fmt::format("{}{} ({} level{})", fields_.empty() ? "" : ", ", slot.name, slot.levels,
                           slot.levels == 1 ? "" : "s");
  }
  sample_sizes_ = {width_};
  if (argument.combine == Combine::stack) {
    const std::int64_t levels = slots.front().levels;
    for (const FieldSlot& slot : slots) {
      if (slot.levels == levels) continue;
      throw Error(ErrorCode::network, fmt::format("network \"{}\": fields of unequal levels cannot be stacked: {}; use "
                                                  "`combine: concat`, or an argument of its own for each",
                                                  spec.name, fields_));
    }
    sample_sizes_ = {static_cast<std::int64_t>(slots.size()), levels};
  }
  if (spec.sample == Sample::grid) {
    sample_sizes_.push_back(spec.grid_ny);
    sample_sizes_.push_back(spec.grid_nx);
  }
}

std::vector<std::int64_t> ArgumentShape::sizes(std::int64_t tile) const {
  std::vector<std::int64_t> all{tile};
  all.insert(all.end(), sample_sizes_.begin(), sample_sizes_.end());
  return all;
}

bool ArgumentShape::is_whole(const at::Tensor& rows) const {
  return rows_per_sample_ == 1 && sample_sizes_.size() == 1 && rows.size(1) == width_;
}

at::Tensor ArgumentShape::from_rows(const at::Tensor& rows) const {
  if (is_whole(rows)) return rows.contiguous();
  const std::int64_t tile = rows.size(0) / rows_per_sample_;
  at::Tensor columns = rows.narrow(1, offset_, width_);
  if (rows_per_sample_ > 1) columns = columns.view({tile, rows_per_sample_, width_}).transpose(1, 2);
  // Contiguous, because traced networks may call view() on what they get.
  return columns.contiguous().view(sizes(tile));
}

void ArgumentShape::to_rows(const at::Tensor& value, const at::Tensor& rows) const {
  if (is_whole(rows)) {
    rows.copy_(value);
    return;
  }
  const std::int64_t tile = rows.size(0) / rows_per_sample_;
  const at::Tensor columns = rows.narrow(1, offset_, width_).view({tile, rows_per_sample_, width_});
  columns.copy_(value.reshape({tile, width_, rows_per_sample_}).transpose(1, 2));
}

std::vector<ArgumentShape> shape_arguments(const NetworkSpec& spec, const std::vector<Argument>& arguments,
                                           const RowLayout& layout) {
  std::vector<ArgumentShape> shapes;
  auto slot = layout.fields.begin();
  for (const Argument& argument : arguments) {
    const auto count = static_cast<std::ptrdiff_t>(argument.fields.size());
    if (count == 0 || layout.fields.end() - slot < count) {
      throw Error(ErrorCode::internal,
                  fmt::format("network \"{}\": arguments and row layout differ; this is a mistake in Ekman, report it",
                              spec.name));
    }
    shapes.emplace_back(spec, argument, std::vector<FieldSlot>(slot, slot + count));
    slot += count;
  }
  return shapes;
}

}  // namespace ekman
