// `normalize: {field: running}`: mean and standard deviation of inputs, learned with the network from what comes by.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "adapters/torch/row_normalization.hpp"

namespace ekman {

// Of each level of each running field, over all points that were learned from so far, each point alike. Increments
// since the last step are added up over the ranks, and merged at the step (Chan, Golub and LeVeque 1983), so that all
// ranks have the same.
class RunningNormalization {
 public:
  // `constants` are those of the rows, shared with whoever normalises by them, and changed in place by take().
  RunningNormalization(const NetworkSpec& spec, const RowLayout& in, RowNormalization constants);

  // Places in the sums of a step: points, then of each value sum and sum of squares, about the present mean.
  std::size_t num_sums() const { return values_.empty() ? 0 : 1 + 2 * values_.size(); }
  // `rows`: [rows, length of a row], in physical units; `counts`: [rows], of truth values.
  void add(const at::Tensor& rows, const at::Tensor& counts, double* sums) const;
  void take(const double* sums);

  struct Field {
    std::string name;
    std::vector<double> mean, squares;  // by level; squares: sum of squared deviations
  };
  struct Statistics {
    double count = 0.0;
    std::vector<Field> fields;

    // A value that never varies is left in its unit.
    double std_of(double squares) const {
      const double spread = std::sqrt(squares / count);
      return spread > 0.0 ? spread : 1.0;
    }

    // Arrays "normalization/count", "normalization/<field>/mean" and ".../squares".
    template <class Visitor>
    void visit(Visitor& visitor) {
      if (fields.empty()) return;
      visitor("normalization/count", count);
      for (Field& field : fields) {
        visitor("normalization/" + field.name + "/mean", field.mean);
        visitor("normalization/" + field.name + "/squares", field.squares);
      }
    }
  };
  const Statistics& statistics() const { return statistics_; }
  void restore(Statistics statistics);

 private:
  void update();

  Statistics statistics_;
  std::vector<std::int64_t> values_;  // columns of a row
  at::Tensor columns_;                // the same, on the device
  RowNormalization constants_;
};

}  // namespace ekman
