// Lets a TorchScript network learn as `tests/torch_learning_reference.py` asks, which compares with PyTorch. Arguments
// are key=value. Reads rows of float64 from the files `in` and `truth` (target, weight), adds them in chunks of 16 once
// a step, and writes float64 to `out`: the first mean gradient, then the parameters after all steps, then the losses.
#include <cstdio>
#include <fstream>
#include <map>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/torch_learner.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr std::int64_t k_chunk = 16;

class Options {
 public:
  Options(int count, char** words) {
    for (int i = 1; i < count; ++i) {
      const std::string word = words[i];
      values_[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
  }
  std::string text(const std::string& key) const { return values_.at(key); }
  double number(const std::string& key, double otherwise) const {
    return values_.count(key) > 0 ? std::stod(values_.at(key)) : otherwise;
  }
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const {
    return static_cast<std::int64_t>(number(key, static_cast<double>(otherwise)));
  }

 private:
  std::map<std::string, std::string> values_;
};

template <class Kind>
Kind choice(const std::map<std::string, Kind>& words, const std::string& word) {
  return words.at(word);
}

void set_training(TrainingSpec& training, const Options& options) {
  training.given = true;
  training.targets = {{"y", "y_true"}};
  training.weights = "area";
  LossTerm term;
  term.kind = choice<LossKind>({{"mse", LossKind::mse},
                                {"l1", LossKind::l1},
                                {"huber", LossKind::huber},
                                {"smooth_l1", LossKind::smooth_l1},
                                {"cross_entropy", LossKind::cross_entropy},
                                {"bce_with_logits", LossKind::bce_with_logits},
                                {"nll", LossKind::nll}},
                               options.text("loss"));
  term.fields = {"y"};
  term.delta = term.beta = 0.3;
  term.label_smoothing = options.number("label_smoothing", 0.0);
  training.loss = {term};
  training.clip_norm = options.number("clip_norm", 0.0);
  training.clip_value = options.number("clip_value", 0.0);
  training.schedule.kind = choice<ScheduleKind>({{"constant", ScheduleKind::constant},
                                                 {"step", ScheduleKind::step},
                                                 {"exponential", ScheduleKind::exponential},
                                                 {"cosine", ScheduleKind::cosine},
                                                 {"linear", ScheduleKind::linear}},
                                                options.text("schedule"));
  training.schedule.warmup = options.integer("warmup", 0);
  training.schedule.steps = options.integer("schedule_steps", 1);
  training.schedule.gamma = options.number("gamma", 0.1);
  training.schedule.last = options.number("last", 0.0);
}

void set_optimizer(OptimizerSpec& optimizer, const Options& options) {
  optimizer.kind = choice<OptimizerKind>({{"sgd", OptimizerKind::sgd},
                                          {"adam", OptimizerKind::adam},
                                          {"adamw", OptimizerKind::adamw},
                                          {"rmsprop", OptimizerKind::rmsprop},
                                          {"adagrad", OptimizerKind::adagrad},
                                          {"lbfgs", OptimizerKind::lbfgs}},
                                         options.text("optimizer"));
  optimizer.lr = options.number("lr", 0.01);
  optimizer.weight_decay = options.number("weight_decay", 0.0);
  optimizer.eps = options.number("eps", optimizer.eps);
  optimizer.momentum = options.number("momentum", 0.0);
  optimizer.nesterov = options.integer("nesterov", 0) != 0;
  optimizer.amsgrad = options.integer("amsgrad", 0) != 0;
  optimizer.centered = options.integer("centered", 0) != 0;
  optimizer.lr_decay = options.number("lr_decay", 0.0);
  optimizer.initial_accumulator = options.number("initial_accumulator", 0.0);
  optimizer.history = options.integer("history", 100);
}

at::Tensor read_rows(const std::string& path, std::int64_t width, at::ScalarType kind) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto rows = static_cast<std::int64_t>(bytes.size() / sizeof(double)) / width;
  return at::from_blob(const_cast<char*>(bytes.data()), {rows, width}, at::kDouble).to(kind).clone();
}

void write(std::ofstream& file, const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kDouble).contiguous();
  file.write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
}

void run(const Options& options) {
  const bool is_double = options.text("compute") == "float64";
  const at::ScalarType kind = is_double ? at::kDouble : at::kFloat;
  NetworkSpec spec;
  spec.name = "reference";
  spec.source.kind = SourceKind::torchscript;
  spec.source.path = options.text("network");
  spec.inputs = {{{"x"}}};
  spec.outputs = {{{"y"}}};
  spec.chunk = k_chunk;
  spec.tile = k_chunk / 2;
  spec.wire = is_double ? Real::float64 : Real::float32;
  spec.compute = is_double ? Compute::float64 : Compute::float32;
  set_training(spec.training, options);
  set_optimizer(spec.training.optimizer, options);
  const std::int64_t levels_in = options.integer("inputs", 1), levels = options.integer("targets", 1);
  const RowLayout in = make_row_layout(spec.inputs, {levels_in});
  const RowLayout out = make_row_layout(spec.outputs, {options.integer("outputs", 1)});
  const RowLayout truth = make_row_layout({{{"y_true", "area"}}}, {levels, 1});
  const auto network = load_script_network(spec, in, out, at::Device(at::kCPU), kind);
  const auto learner = make_torch_learner(spec, *network, in, out, truth,
                                          row_normalization(spec, in, at::TensorOptions(at::kCPU).dtype(kind)));
  const at::Tensor x = read_rows(options.text("in"), levels_in, kind);
  const at::Tensor z = read_rows(options.text("truth"), levels + 1, kind);

  std::ofstream file(options.text("out"), std::ios::binary);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < options.integer("steps", 1); ++step) {
    for (std::int64_t row = 0; row < x.size(0); row += k_chunk) {
      const std::int64_t rows = std::min(k_chunk, x.size(0) - row);
      const at::Tensor chunk_in = at::zeros({k_chunk, levels_in}, kind),
                       chunk_truth = at::zeros({k_chunk, levels + 1}, kind);
      chunk_in.narrow(0, 0, rows).copy_(x.narrow(0, row, rows));
      chunk_truth.narrow(0, 0, rows).copy_(z.narrow(0, row, rows));
      Lesson lesson;
      lesson.in = static_cast<const std::byte*>(chunk_in.data_ptr());
      lesson.truth = static_cast<const std::byte*>(chunk_truth.data_ptr());
      lesson.rows = rows;
      lesson.exchange = step;
      lesson.chunk = row / k_chunk;
      learner->add(lesson);
    }
    if (step == 0)
      write(file, at::from_blob(learner->gradient(), {learner->gradient_size()}, kind) / learner->sums()[0]);
    losses.push_back(learner->step().loss);
  }
  for (const NamedParameter& parameter : network->parameters()) write(file, parameter.tensor.reshape({-1}));
  write(file, at::tensor(losses, at::kDouble));
}

}  // namespace
}  // namespace ekman

int main(int count, char** words) {
  ekman::compat::stop_profiling();  // as the engine does: compiling fused loops can take minutes
  try {
    ekman::run(ekman::Options(count, words));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
