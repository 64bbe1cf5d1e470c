// Mean and standard deviation that are learned from what comes by, on any number of ranks.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "adapters/torch/running_normalization.hpp"

namespace ekman {
namespace {

// Rows of q (1 value, not running), t (2 levels) and c (constant); the last two run.
struct Case {
  Case() {
    spec.normalize = {{"q", {{5.0}, {2.0}}}, {"t", {{0.0}, {1.0}, true, ""}}, {"c", {{0.0}, {1.0}, true, ""}}};
    layout = make_row_layout({{{"q", "t", "c"}}}, {1, 2, 1});
    at::manual_seed(7);
  }
  RowNormalization constants() const { return row_normalization(spec, layout, at::kDouble); }
  static at::Tensor rows(std::int64_t count) {
    at::Tensor made = at::randn({count, 4}, at::kDouble) * 3.0 + 250.0;
    made.select(1, 3).fill_(4.0);
    return made;
  }

  NetworkSpec spec;
  RowLayout layout;
};

TEST(RunningNormalization, IsThatOfAllPointsThatCountOnAllRanks) {
  const Case example;
  const RowNormalization constants = example.constants(), others = example.constants();
  RunningNormalization first(example.spec, example.layout, constants), second(example.spec, example.layout, others);
  std::vector<at::Tensor> seen;
  for (int step = 0; step < 3; ++step) {
    std::vector<double> sums(first.num_sums());
    for (const std::int64_t count : {5, 1, 30}) {
      at::Tensor rows = Case::rows(count);
      const at::Tensor counts = at::rand({count}).gt(0.3);
      seen.push_back(rows.index_select(0, counts.nonzero().squeeze(1)));
      rows.masked_fill_(counts.logical_not().unsqueeze(1), std::nan(""));
      (count == 1 ? second : first).add(rows, counts, sums.data());
    }
    first.take(sums.data());
    second.take(sums.data());
  }

  const at::Tensor all = at::cat(seen);
  for (const std::int64_t column : {1, 2}) {
    EXPECT_NEAR(constants.mean[column].item<double>(), all.select(1, column).mean().item<double>(), 1e-11);
    EXPECT_NEAR(constants.std[column].item<double>(), all.select(1, column).std(false).item<double>(), 1e-11);
  }
  EXPECT_EQ(constants.mean[3].item<double>(), 4.0);
  EXPECT_EQ(constants.std[3].item<double>(), 1.0) << "what never varies is left in its unit";
  EXPECT_EQ(constants.mean[0].item<double>(), 5.0) << "what does not run is left alone";
  EXPECT_TRUE(at::equal(constants.mean, others.mean) && at::equal(constants.std, others.std));
}

TEST(RunningNormalization, GoesOnFromItsStatistics) {
  const Case example;
  const RowNormalization constants = example.constants(), others = example.constants();
  RunningNormalization whole(example.spec, example.layout, constants), cut(example.spec, example.layout, others);
  const auto step = [](RunningNormalization& running, const at::Tensor& rows) {
    std::vector<double> sums(running.num_sums());
    running.add(rows, at::ones({rows.size(0)}, at::kBool), sums.data());
    running.take(sums.data());
  };
  const at::Tensor before = Case::rows(20), after = Case::rows(9);
  step(whole, before);

  cut.restore(whole.statistics());
  step(whole, after);
  step(cut, after);

  EXPECT_TRUE(at::equal(constants.mean, others.mean) && at::equal(constants.std, others.std));
  EXPECT_EQ(cut.statistics().count, 29.0);
}

}  // namespace
}  // namespace ekman
