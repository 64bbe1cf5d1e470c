// Implements running_normalization.hpp.
#include "adapters/torch/running_normalization.hpp"

#include <cmath>
#include <utility>

namespace ekman {

RunningNormalization::RunningNormalization(const NetworkSpec& spec, const RowLayout& in, RowNormalization constants)
    : constants_(std::move(constants)) {
  for (const FieldSlot& slot : in.fields) {
    const auto found = spec.normalize.find(slot.name);
    if (found == spec.normalize.end() || !found->second.running) continue;
    const auto levels = static_cast<std::size_t>(slot.levels);
    statistics_.fields.push_back({slot.name, std::vector<double>(levels), std::vector<double>(levels)});
    for (std::int64_t level = 0; level < slot.levels; ++level) values_.push_back(slot.offset + level);
  }
  if (!values_.empty()) columns_ = at::tensor(values_, at::kLong).to(constants_.mean.device());
}

void RunningNormalization::add(const at::Tensor& rows, const at::Tensor& counts, double* sums) const {
  if (values_.empty()) return;
  const at::NoGradGuard no_grad;
  const at::Tensor counted =
      rows.index_select(0, counts.nonzero().squeeze(1)).index_select(1, columns_).to(at::kDouble);
  const at::Tensor deviation = counted.sub(constants_.mean.index_select(0, columns_).to(at::kDouble));
  const at::Tensor first = deviation.sum(0).cpu(), second = deviation.square().sum(0).cpu();
  sums[0] += static_cast<double>(counted.size(0));
  for (std::size_t v = 0; v < values_.size(); ++v) {
    sums[1 + v] += first.data_ptr<double>()[v];
    sums[1 + values_.size() + v] += second.data_ptr<double>()[v];
  }
}

void RunningNormalization::take(const double* sums) {
  const double points = values_.empty() ? 0.0 : sums[0];
  if (points == 0.0) return;
  const at::Tensor centre = constants_.mean.cpu().to(at::kDouble);
  const double before = statistics_.count, total = before + points;
  std::size_t v = 0;
  for (Field& field : statistics_.fields) {
    for (std::size_t level = 0; level < field.mean.size(); ++level, ++v) {
      const double shift = sums[1 + v] / points;
      const double mean = centre.data_ptr<double>()[values_[v]] + shift;
      const double squares = std::fmax(0.0, sums[1 + values_.size() + v] - points * shift * shift);
      const double delta = mean - field.mean[level];
      field.squares[level] += squares + (before > 0.0 ? delta * delta * before * points / total : 0.0);
      field.mean[level] = before > 0.0 ? field.mean[level] + delta * points / total : mean;
    }
  }
  statistics_.count = total;
  update();
}

void RunningNormalization::restore(Statistics statistics) {
  statistics_ = std::move(statistics);
  update();
}

void RunningNormalization::update() {
  if (statistics_.count == 0.0) return;
  const at::NoGradGuard no_grad;
  at::Tensor mean = constants_.mean.cpu().to(at::kDouble), std = constants_.std.cpu().to(at::kDouble);
  std::size_t v = 0;
  for (const Field& field : statistics_.fields) {
    for (std::size_t level = 0; level < field.mean.size(); ++level, ++v) {
      mean.data_ptr<double>()[values_[v]] = field.mean[level];
      std.data_ptr<double>()[values_[v]] = statistics_.std_of(field.squares[level]);
    }
  }
  constants_.mean.copy_(mean);
  constants_.std.copy_(std);
}

}  // namespace ekman
