// Implements row_normalization.hpp.
#include "adapters/torch/row_normalization.hpp"

#include <vector>

namespace ekman {

RowNormalization row_normalization(const NetworkSpec& spec, const RowLayout& layout, at::TensorOptions options) {
  std::vector<double> mean, std;
  bool any = false;
  for (const FieldSlot& slot : layout.fields) {
    const auto found = spec.normalize.find(slot.name);
    const Normalization constants = found == spec.normalize.end() ? Normalization{} : found->second;
    any = any || found != spec.normalize.end();
    mean.insert(mean.end(), static_cast<std::size_t>(slot.levels), constants.mean);
    std.insert(std.end(), static_cast<std::size_t>(slot.levels), constants.std);
  }
  if (!any) return {};
  return {at::tensor(mean, at::kDouble).to(options), at::tensor(std, at::kDouble).to(options)};
}

}  // namespace ekman
