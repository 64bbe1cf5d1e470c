// Makes a built-in network as `tests/torch_network_twins.py` asks, which compares it with PyTorch. Arguments are
// key=value. Reads rows of float64 from the files `in` and `adjoint`, runs them in one tile, writes float64 rows to
// `out`: outputs, then for each parameter the gradient of the sum of outputs times adjoints; and a checkpoint with the
// weights to `checkpoint`. The network is that of `plan`.
#include <cstdio>
#include <fstream>
#include <map>

#include "adapters/torch/builtin_network.hpp"
#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/learned_arrays.hpp"
#include "adapters/torch/learned_network.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

at::Tensor read_rows(const std::string& path, std::int64_t rows) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto width = static_cast<std::int64_t>(bytes.size() / sizeof(double)) / rows;
  return at::from_blob(const_cast<char*>(bytes.data()), {rows, width}, at::kDouble).clone();
}

void write(std::ofstream& file, const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().contiguous();
  file.write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
}

void run(std::map<std::string, std::string> options) {
  const Plan plan = read_plan(options["plan"]);
  const NetworkSpec& spec = plan.networks.at(0);
  const auto layout = [&](const std::vector<Argument>& arguments) {
    return make_row_layout(arguments, levels_of(plan.components.at(0), spec, fields_of(arguments)));
  };
  const RowLayout in = layout(spec.inputs), out = layout(spec.outputs);
  const auto network = make_builtin_network(spec, in, out, at::Device(at::kCPU), at::kDouble);
  const std::int64_t rows = spec.tile * spec.rows_per_sample();
  const at::Tensor x = read_rows(options["in"], rows), adjoint = read_rows(options["adjoint"], rows);
  const at::Tensor y = at::empty({rows, out.row_len()}, at::kDouble);

  network->forward(x, y);
  y.mul(adjoint).sum().backward();

  LearnedState state;
  state.network = network_json(spec, in, out, {});
  ArrayWriter writer(state.arrays);
  std::ofstream file(options["out"], std::ios::binary);
  write(file, y);
  for (const NamedParameter& parameter : network->parameters()) {
    writer("parameters/" + parameter.name, parameter.tensor);
    write(file, parameter.tensor.grad());
  }
  write_checkpoint_file(options["checkpoint"], state, 1);
}

}  // namespace
}  // namespace ekman

int main(int count, char** words) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    options[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  try {
    ekman::run(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
