// `verify: on` where ranks drift apart: the learner of rank 1 has one bit of one parameter changed between two steps.
// Every rank exits with 0 if it finds what it must.
#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "adapters/torch/torch_learner.hpp"
#include "coupler/session/learning_record.hpp"
#include "ekman/error.hpp"
#include "tests/builtin_sources.hpp"

namespace ekman {
namespace {

NetworkSpec make_spec() {
  NetworkSpec spec;
  spec.name = "drifting";
  spec.source = mlp_source({4});
  spec.inputs = {{{"t"}}};
  spec.outputs = {{{"q"}}};
  spec.training.given = true;
  spec.training.targets = {{"q", "q_true"}};
  spec.training.loss.emplace_back();
  spec.training.loss.back().fields = {"q"};
  spec.training.verify = true;
  return spec;
}

void change_one_bit(TorchNetwork& network) {
  float* const value = network.parameters().front().tensor.detach().data_ptr<float>();
  std::uint32_t bits = 0;
  std::memcpy(&bits, value, sizeof bits);
  bits ^= 1U;
  std::memcpy(value, &bits, sizeof bits);
}

std::string error_of_step(LearningRecord& record, std::int64_t step) {
  StepReport report;
  report.step = step;
  try {
    record.add(report, {step, step - 1, 1});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

int run() {
  const NetworkSpec spec = make_spec();
  const RowLayout in = make_row_layout(spec.inputs, {3}), out = make_row_layout(spec.outputs, {1});
  const RowLayout truth = make_row_layout({{{"q_true"}}}, {1});
  const auto network = make_mlp_network(spec, in, out, at::Device(at::kCPU), at::kFloat);
  const auto learner = make_torch_learner(spec, *network, in, out, truth, row_normalization(spec, in, at::kFloat));
  const Communicator learners = Communicator::borrow(MPI_COMM_WORLD).clone();
  StateWriter state;
  LearningRecord record(learners, spec, *learner, {}, state);

  const std::string alike = error_of_step(record, 1);
  if (learners.rank() == 1) change_one_bit(*network);
  const std::string apart = error_of_step(record, 2);

  const bool found = apart.find("hold different parameters after optimizer step 2") != std::string::npos;
  if (alike.empty() && found) return 0;
  std::fprintf(stderr, "rank %d: alike: \"%s\", apart: \"%s\"\n", learners.rank(), alike.c_str(), apart.c_str());
  return 1;
}

}  // namespace
}  // namespace ekman

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int status = ekman::run();
  MPI_Finalize();
  return status;
}
