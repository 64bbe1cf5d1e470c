// Implements row_normalization.hpp.
#include "adapters/torch/row_normalization.hpp"

#include <fmt/format.h>

#include <vector>

#include "ekman/error.hpp"

namespace ekman {

namespace {

void append(const NetworkSpec& spec, const FieldSlot& slot, const Normalization& constants,
            const std::vector<double>& numbers, std::vector<double>& row) {
  const auto given = static_cast<std::int64_t>(numbers.size());
  if (given == 1 && constants.from.empty()) {
    row.insert(row.end(), static_cast<std::size_t>(slot.levels), numbers.front());
    return;
  }
  if (given != slot.levels)
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\": field \"{}\" has {} levels, but {} has mean and std of {}; give "
                            "`normalize` a file with as many",
                            spec.name, slot.name, slot.levels,
                            constants.from.empty() ? "its checkpoint" : constants.from, given));
  row.insert(row.end(), numbers.begin(), numbers.end());
}

}  // namespace

RowNormalization row_normalization(const NetworkSpec& spec, const RowLayout& layout, at::TensorOptions options) {
  std::vector<double> mean, std;
  bool any = false;
  for (const FieldSlot& slot : layout.fields) {
    const auto found = spec.normalize.find(slot.name);
    const Normalization constants = found == spec.normalize.end() ? Normalization{} : found->second;
    any = any || found != spec.normalize.end();
    append(spec, slot, constants, constants.mean, mean);
    append(spec, slot, constants, constants.std, std);
  }
  if (!any) return {};
  return {at::tensor(mean, at::kDouble).to(options), at::tensor(std, at::kDouble).to(options)};
}

}  // namespace ekman
