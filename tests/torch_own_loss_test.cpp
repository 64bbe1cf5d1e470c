// Losses of the user's own: what they are given, in what form, and that weights, masks and the mean stay ours. And
// targets that LibTorch's losses cannot take.
#include <gmock/gmock.h>

#include "ekman/error.hpp"
#include "tests/torch_lessons.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

const char* const k_forward = "def forward(self, x):\n  return torch.mm(torch.tanh(torch.mm(x, self.w1)), self.w2)\n";

// A physical constraint: what a and b do to the column must conserve t[0] + q, up to a coordinate.
const char* const k_dict_body =
    R"((self, outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> Tensor:
  error = (outputs["a"] - targets["a"]).square().sum(1)
  budget = outputs["a"].sum(1) + outputs["b"][:, 0] - inputs["t"][:, 0] * inputs["q"][:, 0] - inputs["height"][:, 0]
  return error + budget.square()
)";
// The same, fields side by side: a0 a1 b; a0 a1 b; t0 t1 q height.
const char* const k_tensor_body = R"((self, outputs, targets, inputs):
  error = (outputs[:, 0:2] - targets[:, 0:2]).square().sum(1)
  budget = outputs.sum(1) - inputs[:, 0] * inputs[:, 2] - inputs[:, 3]
  return error + budget.square()
)";

class OwnLossTest : public LearnerTest {
 protected:
  OwnLossTest() {
    truth_ = make_row_layout({{{"b_true", "a_true", "area", "height"}}}, {1, 2, 1, 1});
    spec_.training.optimizer.weight_decay = 0.0;
  }
  torch::jit::Module make_module() {
    torch::jit::Module module("net");
    at::manual_seed(9);
    module.register_parameter("w1", at::randn({3, 8}, at::kDouble), false);
    module.register_parameter("w2", at::randn({8, 3}, at::kDouble), false);
    module.define(k_forward);
    return module;
  }
  void use_method(const std::string& body) {
    torch::jit::Module module = make_module();
    module.define("def loss" + body);
    use_script(module);
    set_loss(LossKind::method, "loss");
  }
  void use_file(const std::string& body) {
    use_script(make_module());
    torch::jit::Module loss("loss");
    loss.define("def forward" + body);
    const std::string path = (folder_ / "loss.pt").string();
    loss.save(path);
    set_loss(LossKind::torchscript, path);
  }
  void set_loss(LossKind kind, const std::string& source) {
    spec_.training.loss = {term(kind, {}, 0.5, source)};
    spec_.training.loss[0].extra = {"height"};
  }
  static Data make_truth_of_five(std::int64_t rows = k_rows) {
    Data data = make_data(rows);
    data.truth = at::cat({data.truth, at::rand({k_rows, 1}, at::kDouble)}, 1);
    return data;
  }

  // In physical units, by hand, over the rows that count: mean loss and its gradient.
  std::pair<double, at::Tensor> by_hand(const Data& data, const at::Tensor& rows) {
    torch::jit::Module module = make_module();
    const at::Tensor w1 = module.attr("w1").toTensor().clone().detach().requires_grad_(true);
    const at::Tensor w2 = module.attr("w2").toTensor().clone().detach().requires_grad_(true);
    const at::Tensor in = data.in.index_select(0, rows), z = data.truth.index_select(0, rows), w = z.select(1, 3);
    const at::Tensor x = at::cat({(in.narrow(1, 0, 2) - 0.5) / 2.0, in.narrow(1, 2, 1)}, 1);
    const at::Tensor y = at::tanh(x.mm(w1)).mm(w2);
    const at::Tensor a = y.narrow(1, 0, 2) * 3.0 - 1.0, b = y.select(1, 2);
    const at::Tensor error = (a - z.narrow(1, 1, 2)).square().sum(1);
    const at::Tensor budget = a.sum(1) + b - in.select(1, 0) * in.select(1, 2) - z.select(1, 4);
    const at::Tensor loss = ((error + budget.square()) * w).sum();
    (0.5 * loss).backward();
    return {(loss / w.sum()).item<double>(), at::cat({w1.grad().reshape({-1}), w2.grad().reshape({-1})})};
  }
};

TEST_F(OwnLossTest, SeesPhysicalUnitsInEachForm) {
  Data data = make_truth_of_five(10);
  for (const int row : {0, 5, 10, 11}) {
    data.in[row].fill_(k_nan);
    data.truth[row].fill_(k_nan);
    if (row < 10) data.truth[row][3].zero_();
  }
  const auto [loss, expected] = by_hand(data, at::tensor({1, 2, 3, 4, 6, 7, 8, 9}));
  for (const char* body : {k_dict_body, k_tensor_body}) {
    for (const bool file : {false, true}) {
      file ? use_file(body) : use_method(body);
      const Side side = make_side();
      add(side, data);
      EXPECT_LT((gradient(side) - expected).abs().max().item<double>(), 1e-11);
      const StepReport report = side.learner->step();
      EXPECT_TRUE(report.made);
      EXPECT_NEAR(report.terms[0], loss, 1e-12);
      EXPECT_NEAR(report.loss, 0.5 * loss, 1e-12);
    }
  }
}

TEST_F(OwnLossTest, AddsUpOverRaggedRanks) {
  use_method(k_dict_body);
  const Side one = make_side(), first = make_side(), second = make_side();
  for (int chunk = 0; chunk < 3; ++chunk) {
    const Data data = make_truth_of_five(chunk == 2 ? 5 : k_rows);
    add(one, data, chunk);
    add(chunk == 1 ? first : second, data, chunk);
  }
  reduce(first, second);
  one.learner->step();
  first.learner->step();
  EXPECT_NEAR(first.learner->last().loss, one.learner->last().loss, 1e-12);
  EXPECT_LT((values(first) - values(one)).abs().max().item<double>(), 1e-11);
}

// sqrt has no derivative at 0: only the rows that count are asked.
TEST_F(OwnLossTest, MaskedRowsWhoseDerivativeIsNoNumberDoNoHarm) {
  use_method("(self, outputs, targets, inputs):\n  return torch.sqrt((outputs - targets).abs()).sum(1)\n");
  const Side side = make_side();
  const Data data = make_truth_of_five();
  data.truth.narrow(0, 0, 7).fill_(k_nan);
  data.truth.narrow(0, 0, 7).select(1, 3).zero_();
  add(side, data);
  EXPECT_TRUE(at::isfinite(gradient(side)).all().item<bool>());
  EXPECT_GT(gradient(side).abs().max().item<double>(), 0.0);
}

TEST_F(OwnLossTest, NamesWhatIsWrongAtStart) {
  const auto error_with = [&](const std::string& body) {
    use_method(body);
    return error_of([&] { make_side(); });
  };
  EXPECT_THAT(
      error_with("(self, outputs, targets, inputs):\n  return (outputs - targets).square().mean()\n"),
      HasSubstr("returns a tensor of shape [] (Double) for 4 samples; it must return one value for each sample"));
  EXPECT_THAT(error_with("(self, outputs, targets):\n  return (outputs - targets).sum(1)\n"),
              HasSubstr("takes 2 arguments; it must take three"));
  EXPECT_THAT(error_with("(self, outputs: Dict[str, Tensor], targets, inputs):\n  return outputs[\"c\"].sum(1)\n"),
              HasSubstr("the loss loss() of"));
  EXPECT_THAT(error_with("(self, outputs: int, targets, inputs):\n  return targets.sum(1)\n"),
              HasSubstr("takes outputs as int; each argument must be a Tensor"));
  set_loss(LossKind::method, "other");
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("does not exist"));
  spec_.source = mlp_source({8}, "tanh");
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("has no method other() for a loss"));
}

TEST_F(OwnLossTest, RefusesALossWithoutGradient) {
  const char* const k_detached =
      "(self, outputs, targets, inputs):\n  return (outputs.detach() - targets).square().mean(1)\n";
  use_method(k_detached);
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("the loss loss() of"));
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("has no gradient, so that nothing can be learned from it"));
  use_file(k_detached);
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("has no gradient, so that nothing can be learned from it"));
}

TEST_F(OwnLossTest, LogsATermOfWeightZeroWithoutGradient) {
  use_method("(self, outputs, targets, inputs):\n  return outputs.detach().sum(1)\n");
  spec_.training.loss[0].weight = 0.0;
  spec_.training.loss.push_back(term(LossKind::mse, {"b"}));

  const Side side = make_side();
  add(side, make_truth_of_five());

  EXPECT_NE(side.learner->step().terms[0], 0.0);
}

// A grid of 2 x 2 points; one of them is masked, and one sample as a whole.
TEST_F(OwnLossTest, SeesGridsAsThePlanHasThem) {
  spec_.sample = Sample::grid;
  spec_.grid_ny = spec_.grid_nx = 2;
  spec_.chunk = 3;
  spec_.tile = 1;
  torch::jit::Module module("net");
  module.register_parameter("w", at::randn({3, 3, 1, 1}, at::kDouble), false);
  module.define("def forward(self, x):\n  return torch.conv2d(x, self.w)\n");
  module.define(R"(def loss(self, outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs) -> Tensor:
  return (outputs["a"] - targets["a"]).square().sum([1, 2, 3]) + 0.0 * inputs[:, 3, 1, 1]
)");
  use_script(module);
  set_loss(LossKind::method, "loss");
  const Side side = make_side();
  const Data data = make_truth_of_five();
  for (const int row : {1, 8, 9, 10, 11}) {
    data.truth[row].fill_(k_nan);
    data.truth[row][3].zero_();
  }
  add(side, data);

  const at::Tensor w = module.attr("w").toTensor().detach().clone().view({3, 3}).requires_grad_(true);
  at::Tensor sum = at::zeros({}, at::kDouble);
  double weight = 0.0;
  for (const int sample : {0, 1}) {
    const at::Tensor rows = sample == 0 ? at::tensor({0, 2, 3}) : at::tensor({4, 5, 6, 7});
    const at::Tensor in = data.in.index_select(0, rows), z = data.truth.index_select(0, rows);
    const at::Tensor x = at::cat({(in.narrow(1, 0, 2) - 0.5) / 2.0, in.narrow(1, 2, 1)}, 1);
    const at::Tensor a = x.mm(w.t()).narrow(1, 0, 2) * 3.0 - 1.0;
    sum = sum + (a - z.narrow(1, 1, 2)).square().sum() * z.select(1, 3).sum();
    weight += z.select(1, 3).sum().item<double>();
  }
  (0.5 * sum).backward();
  EXPECT_LT((gradient(side) - w.grad().reshape({-1})).abs().max().item<double>(), 1e-11);
  EXPECT_NEAR(side.learner->step().terms[0], sum.item<double>() / weight, 1e-12);
}

using TargetTest = LearnerTest;

TEST_F(TargetTest, NamesATargetThatIsNoClass) {
  truth_ = make_row_layout({{{"b_true", "a_true", "area"}}}, {1, 1, 1});
  spec_.training.loss = {term(LossKind::cross_entropy, {"a"})};
  const auto error_with = [&](double value, double weight) {
    const Side side = make_side();
    const Data data{at::randn({k_rows, 3}, at::kDouble), at::ones({k_rows, 3}, at::kDouble)};
    data.truth[7][1].fill_(value);
    data.truth[7][2].fill_(weight);
    return error_of([&] { add(side, data, 2); });
  };

  EXPECT_THAT(error_with(2.0, 0.1), HasSubstr("the target \"a_true\" is 2 at global id 31, which is no class: output "
                                              "\"a\" has 2 levels, which are classes 0 to 1"));
  for (const double value : {-1.0, 0.5, k_nan}) {
    EXPECT_THAT(error_with(value, 1.0), HasSubstr("which is no class"));
    EXPECT_EQ(error_with(value, 0.0), "");
  }
  EXPECT_EQ(error_with(0.0, 1.0), "");
}

TEST_F(TargetTest, RefusesTargetsOfOtherLevels) {
  truth_ = make_row_layout({{{"b_true", "a_true", "area"}}}, {1, 3, 1});
  EXPECT_THAT(error_of([&] { make_side(); }),
              HasSubstr("the target \"a_true\" of output \"a\" has 3 levels, its loss needs 2; define the field"));
  spec_.training.loss = {term(LossKind::cross_entropy, {"a"})};
  EXPECT_THAT(error_of([&] { make_side(); }), HasSubstr("its loss needs 1, the number of the class"));
}

}  // namespace
}  // namespace ekman
