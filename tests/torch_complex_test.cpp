// Networks with complex parameters, as Fourier layers have them: beside one that has real and imaginary parts apart.
#include <gmock/gmock.h>

#include "adapters/torch/checkpoint_file.hpp"
#include "ekman/error.hpp"
#include "tests/torch_lessons.hpp"

namespace ekman {
namespace {

class ComplexTest : public LearnerTest, public testing::WithParamInterface<OptimizerKind> {
 protected:
  // x (a + 2 b) + bias, of a = Re w and b = Im w. The bias comes first, so that w would lie at an odd place behind it.
  void use_complex() {
    torch::jit::Module module("net");
    module.register_parameter("bias", at::linspace(0.0, 1.0, 3, at::kDouble), false);
    module.register_parameter("weight", at::complex(real_part(), imaginary_part()), false);
    module.define(
        "def forward(self, x):\n"
        "  z = torch.matmul(x.to(self.weight.dtype), self.weight)\n"
        "  return torch.real(z) + 2.0 * torch.imag(z) + self.bias\n");
    use_script(module);
  }
  void use_real() {
    torch::jit::Module module("net");
    module.register_parameter("bias", at::linspace(0.0, 1.0, 3, at::kDouble), false);
    module.register_parameter("a", real_part(), false);
    module.register_parameter("b", imaginary_part(), false);
    module.define("def forward(self, x):\n  return torch.matmul(x, self.a + 2.0 * self.b) + self.bias\n");
    use_script(module);
  }
  static at::Tensor real_part() { return at::linspace(-1.0, 1.0, 9, at::kDouble).reshape({3, 3}).clone(); }
  static at::Tensor imaginary_part() { return at::linspace(0.5, -0.7, 9, at::kDouble).reshape({3, 3}).clone(); }

  static at::Tensor parameter(const Side& side, const std::string& name) {
    for (const NamedParameter& one : side.network->parameters())
      if (one.name == name) return one.tensor.detach();
    throw Error(ErrorCode::internal, "no parameter " + name);
  }
  void learn(const Side& side, std::size_t first, std::size_t last) {
    while (data_.size() < last) data_.push_back(make_data());
    for (std::size_t step = first; step < last; ++step) {
      add(side, data_[step], 0, static_cast<std::int64_t>(step));
      side.learner->step();
    }
  }

  std::vector<Data> data_;
};

TEST_P(ComplexTest, LearnAsTheirRealAndImaginaryPartsWould) {
  spec_.training.optimizer.kind = GetParam();
  spec_.training.optimizer.momentum = 0.9;
  use_complex();
  const Side complex = make_side();
  use_real();
  const Side real = make_side();

  learn(complex, 0, 8);
  learn(real, 0, 8);

  const at::Tensor weight = parameter(complex, "weight");
  EXPECT_FALSE(at::allclose(at::real(weight), real_part()));
  EXPECT_TRUE(at::allclose(at::real(weight), parameter(real, "a"), 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(at::imag(weight), parameter(real, "b"), 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(parameter(complex, "bias"), parameter(real, "bias"), 1e-12, 1e-12));
  EXPECT_EQ(complex.learner->gradient_size(), 21);
}

TEST_P(ComplexTest, GoOnInTheSameBitsFromAFile) {
  spec_.training.optimizer.kind = GetParam();
  spec_.training.optimizer.momentum = 0.9;
  use_complex();
  const Side straight = make_side(), before = make_side(), after = make_side();
  learn(straight, 0, 8);
  learn(before, 0, 4);
  const std::string path = (folder_ / "net-00000004.safetensors").string();
  write_checkpoint_file(path, before.learner->state(), 4, "");

  const LearnedState state = read_checkpoint_file(path).state;
  after.learner->restore(state);
  learn(after, 4, 8);

  EXPECT_THAT(state.network, testing::HasSubstr("\"complex\":[\"weight\"]"));
  EXPECT_TRUE(at::equal(at::view_as_real(parameter(after, "weight")), at::view_as_real(parameter(straight, "weight"))));
  EXPECT_TRUE(at::equal(parameter(after, "bias"), parameter(straight, "bias")));
}

TEST_F(LearnerTest, LearnsBesideComplexBuffersThatStayOrMove) {
  for (const char* forward :
       {"def forward(self, x):\n  return x * self.weight * torch.real(self.turn)\n",
        "def forward(self, x):\n  if self.training:\n    self.turn.add_(1.0)\n  return x * self.weight\n"}) {
    torch::jit::Module module("net");
    module.register_parameter("weight", at::ones({3}, at::kDouble), false);
    module.register_buffer("turn", at::complex(at::full({}, 2.0, at::kDouble), at::ones({}, at::kDouble)));
    module.register_attribute("training", c10::BoolType::get(), true);
    module.define(forward);
    use_script(module);
    const Side side = make_side();
    const bool moves = std::string(forward).find("add_") != std::string::npos;

    add(side, make_data());
    side.learner->step();

    const at::Tensor turn = at::view_as_real(side.network->buffers().at(0).tensor);
    EXPECT_TRUE(at::allclose(turn, at::tensor({moves ? 3.0 : 2.0, 1.0}, at::kDouble))) << turn;
    EXPECT_FALSE(at::allclose(values(side), at::ones({3}, at::kDouble)));
  }
}

INSTANTIATE_TEST_SUITE_P(Optimizers, ComplexTest,
                         testing::Values(OptimizerKind::sgd, OptimizerKind::adamw, OptimizerKind::rmsprop,
                                         OptimizerKind::lbfgs));

}  // namespace
}  // namespace ekman
