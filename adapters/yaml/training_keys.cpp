// The rows of `training`. Options of losses and optimizers have the names and defaults of LibTorch.
#include "adapters/yaml/key_table.hpp"

namespace ekman {
namespace {

using T = KeyType;

const char* const k_fields_of_term = "Output fields of the term.";
const char* const k_class_field =
    "The output field of the term, whose levels are the classes; its target has one level: the number of the class.";
const char* const k_rate = "Learning rate.";
const char* const k_decay = "Weight decay.";
const char* const k_warmup = "Optimizer steps of linear growth before it.";

const std::vector<Key>& loss_keys() {
  static const std::vector<Key> rows{
      {"", T::list, "", "Terms of a weighted sum, each named like a loss of LibTorch; required with `targets`."},
      {"[].mse", T::mapping, "", "Mean squared error."},
      {"[].mse.fields", T::texts, k_required, k_fields_of_term},
      {"[].l1", T::mapping, "", "Mean absolute error."},
      {"[].l1.fields", T::texts, k_required, k_fields_of_term},
      {"[].huber", T::mapping, "", "Huber loss."},
      {"[].huber.fields", T::texts, k_required, k_fields_of_term},
      {"[].huber.delta", T::real, "1", "Where the loss turns from square to linear, in units of normalised outputs."},
      {"[].smooth_l1", T::mapping, "", "Smooth L1 loss."},
      {"[].smooth_l1.fields", T::texts, k_required, k_fields_of_term},
      {"[].smooth_l1.beta", T::real, "1",
       "Where the loss turns from square to linear, in units of normalised outputs."},
      {"[].cross_entropy", T::mapping, "", "Cross entropy between classes; outputs are logits."},
      {"[].cross_entropy.fields", T::texts, k_required, k_class_field},
      {"[].cross_entropy.label_smoothing", T::real, "0", "Part of the target that is shared out among all classes."},
      {"[].bce_with_logits", T::mapping, "", "Binary cross entropy; outputs are logits, targets probabilities."},
      {"[].bce_with_logits.fields", T::texts, k_required, k_fields_of_term},
      {"[].nll", T::mapping, "", "Negative log likelihood of classes; outputs are logarithms of probabilities."},
      {"[].nll.fields", T::texts, k_required, k_class_field},
      {"[].method", T::text, "",
       "Method of the network's own file: loss(outputs, targets, inputs) -> one value for each sample."},
      {"[].torchscript", T::text, "",
       "TorchScript file whose forward() is such a loss, relative to the plan's folder."},
      {"[].extra", T::texts, "",
       "Fields that a loss of one's own takes besides, such as coordinates; the component puts them."},
      {"[].weight", T::real, "1", "Weight of the term."},
  };
  return rows;
}

const std::vector<Key>& optimizer_keys() {
  static const std::vector<Key> rows{
      {"", T::mapping, k_required, "The optimizer: exactly one."},
      {".sgd", T::mapping, "", "Stochastic gradient descent."},
      {".sgd.lr", T::real, k_required, k_rate},
      {".sgd.momentum", T::real, "0", "Momentum."},
      {".sgd.dampening", T::real, "0", "Dampening of the momentum."},
      {".sgd.weight_decay", T::real, "0", k_decay},
      {".sgd.nesterov", T::flag, "off", "Nesterov momentum."},
      {".adam", T::mapping, "", "Adam."},
      {".adam.lr", T::real, k_required, k_rate},
      {".adam.betas", T::reals, "[0.9, 0.999]", "Decay of the means of the gradient and of its square."},
      {".adam.eps", T::real, "1e-8", "Added to the denominator."},
      {".adam.weight_decay", T::real, "0", k_decay},
      {".adam.amsgrad", T::flag, "off", "The variant AMSGrad."},
      {".adamw", T::mapping, "", "AdamW."},
      {".adamw.lr", T::real, k_required, k_rate},
      {".adamw.betas", T::reals, "[0.9, 0.999]", "As of adam."},
      {".adamw.eps", T::real, "1e-8", "Added to the denominator."},
      {".adamw.weight_decay", T::real, "0.01", k_decay},
      {".adamw.amsgrad", T::flag, "off", "The variant AMSGrad."},
      {".rmsprop", T::mapping, "", "RMSprop."},
      {".rmsprop.lr", T::real, k_required, k_rate},
      {".rmsprop.alpha", T::real, "0.99", "Decay of the mean of the squared gradient."},
      {".rmsprop.eps", T::real, "1e-8", "Added to the denominator."},
      {".rmsprop.weight_decay", T::real, "0", k_decay},
      {".rmsprop.momentum", T::real, "0", "Momentum."},
      {".rmsprop.centered", T::flag, "off", "Divides by the variance of the gradient, not by its mean square."},
      {".adagrad", T::mapping, "", "Adagrad."},
      {".adagrad.lr", T::real, k_required, k_rate},
      {".adagrad.lr_decay", T::real, "0", "Decay of the learning rate."},
      {".adagrad.weight_decay", T::real, "0", k_decay},
      {".adagrad.initial_accumulator_value", T::real, "0", "What the sums of squared gradients begin with."},
      {".adagrad.eps", T::real, "1e-10", "Added to the denominator."},
      {".lbfgs", T::mapping, "", "L-BFGS, one iteration in each optimizer step, without line search."},
      {".lbfgs.lr", T::real, k_required, k_rate},
      {".lbfgs.history_size", T::count, "100", "Updates that it remembers."},
      {".lbfgs.tolerance_grad", T::real, "1e-7", "Gradient at which a step ends."},
      {".lbfgs.tolerance_change", T::real, "1e-9", "Change of parameters or loss at which a step ends."},
  };
  return rows;
}

const std::vector<Key>& schedule_keys() {
  static const std::vector<Key> rows{
      {"", T::mapping, "", "Schedule of the learning rate: exactly one; absent: constant."},
      {".constant", T::mapping, "", "The learning rate itself."},
      {".constant.warmup", T::whole, "0", k_warmup},
      {".step", T::mapping, "", "A decay every so many steps."},
      {".step.steps", T::count, k_required, "Optimizer steps from one decay to the next."},
      {".step.gamma", T::real, "0.1", "Factor of each decay."},
      {".step.warmup", T::whole, "0", k_warmup},
      {".exponential", T::mapping, "", "A decay in each step."},
      {".exponential.gamma", T::real, k_required, "Factor of each step."},
      {".exponential.warmup", T::whole, "0", k_warmup},
      {".cosine", T::mapping, "", "Cosine decay."},
      {".cosine.steps", T::count, k_required, "Optimizer steps to the end of the decay."},
      {".cosine.last", T::real, "0", "Factor at the end of the decay, and after it."},
      {".cosine.warmup", T::whole, "0", k_warmup},
      {".linear", T::mapping, "", "Linear decay."},
      {".linear.steps", T::count, k_required, "Optimizer steps to the end of the decay."},
      {".linear.last", T::real, "0", "Factor at the end of the decay, and after it."},
      {".linear.warmup", T::whole, "0", k_warmup},
  };
  return rows;
}

const std::vector<Key>& course_keys() {
  static const std::vector<Key> rows{
      {".delay", T::whole, "0",
       "Exchanges by which targets and weights come late: those put in exchange n + delay belong to the inputs of "
       "exchange n, which are kept as long."},
      {".accumulate", T::count, "1",
       "Exchanges whose gradients are summed before one optimizer step; with `tape`: emptied tapes."},
      {".clip_norm", T::real, "0", "Largest norm of the gradient; 0: not clipped."},
      {".clip_value", T::real, "0", "Largest absolute value in the gradient; 0: not clipped."},
      {".seed", T::whole, "0", "Seed of dropout, replay and shuffling."},
      {".validation", T::mapping, "",
       "Points that are never trained on, chosen by a hash of id / block; of grids, blocks of exchanges."},
      {".validation.fraction", T::real, k_required, "Their fraction, below 1; 0: none."},
      {".validation.block", T::count, "1", "Neighbouring ids that stay together."},
      {".validation.every", T::count, "1", "Optimizer steps over which a validation loss is the mean."},
      {".patience", T::whole, "0", "Validations without progress before learning stops; 0: it does not."},
      {".max_bad_steps", T::count, "10",
       "Steps in a row with a loss or gradient that is no number before the run is aborted; they are skipped."},
      {".verify", T::flag, "off",
       "After each optimizer step the ML ranks compare a checksum of all parameters; one that differs ends the job."},
      {".replay", T::mapping, "", "Past samples drawn again, against drift and forgetting."},
      {".replay.capacity", T::count, k_required, "Samples kept."},
      {".replay.batches", T::count, "1", "Tiles drawn for each chunk in each exchange."},
      {".checkpoint", T::mapping, "", "Checkpoints by optimizer step."},
      {".checkpoint.directory", T::text, k_required, "Where they are written, below output.directory."},
      {".checkpoint.every", T::count, k_required, "Optimizer steps from one to the next."},
      {".checkpoint.keep", T::count, "3", "How many are kept, besides the best one."},
      {".resume", T::text, "",
       "Checkpoint to go on from: `latest` or `best` of checkpoint.directory, or a file, relative to the plan's "
       "folder; absent: start afresh."},
      {".offline", T::mapping, "", "Learning from recordings, with `ekman train`."},
      {".offline.epochs", T::count, "10", "Passes over what is learned from."},
      {".offline.batch", T::count, "1", "Chunks of one optimizer step, all ranks together."},
      {".offline.shuffle", T::flag, "on", "Chunks in a new order in each epoch, by `seed`; off: in that of time."},
      {".offline.split", T::mapping, "", "What is learned from, what validates, and what is kept for tests."},
      {".offline.split.train", T::real, "0.7", "Fraction to learn from; the three sum up to 1."},
      {".offline.split.validation", T::real, "0.15", "Fraction to validate on before each epoch; 0: none."},
      {".offline.split.test", T::real, "0.15", "Fraction for `ekman evaluate`."},
      {".offline.split.by", T::word, "time", "Blocks of recorded times, or of global ids.", {"time", "id"}},
      {".offline.split.block", T::whole, "0",
       "What stays together: consecutive recorded times, or global ids; 0: a twentieth of the times, or one id."},
      {".offline.split.gap", T::whole, "0",
       "Recorded times left out on both sides of where one part meets another; with `by: time`."},
      {".offline.split.seed", T::whole, "0", "Draws the blocks."},
      {".log", T::mapping, "", "Where the progress is written."},
      {".log.csv", T::text, "", "A table as text, below output.directory."},
      {".log.tensorboard", T::text, "", "A directory for TensorBoard."},
  };
  return rows;
}

std::vector<Key> make_rows() {
  std::vector<Key> rows{
      {"", T::mapping, "", "Learning while the component runs."},
      {".targets", T::named, "", "For each output field the field with its true values; with `tape` none."},
      {".targets.*", T::text, "", "Field that the component puts."},
      {".weights", T::text, "", "Field: weight of each point in the loss; 0: masked; absent: all alike."},
  };
  add_rows(rows, ".loss", loss_keys());
  add_rows(rows, "",
           {{".trainable", T::texts, "[\"*\"]", "Names or patterns of parameters that learn."},
            {".frozen", T::texts, "", "Names or patterns of parameters that do not."}});
  add_rows(rows, ".optimizer", optimizer_keys());
  add_rows(rows, ".schedule", schedule_keys());
  add_rows(rows, "", course_keys());
  return rows;
}

}  // namespace

const std::vector<Key>& training_keys() {
  static const std::vector<Key> rows = make_rows();
  return rows;
}

}  // namespace ekman
