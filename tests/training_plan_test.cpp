// The `training` section of a plan: read, completed, written back, sent. Its mistakes are in tests/plans_bad.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// `training` is in flow style, with `{` and `}`.
std::string plan_text(const std::string& training, const std::string& more = "") {
  return R"(
ekman: 1
components: {atmosphere: {points: 96, fields: {t: {levels: 5}, q: {levels: 4}, r: {}, q_true: {levels: 4}}}}
networks:
  n:
    component: atmosphere
    network: {torchscript: n.pt}
    inputs: [{fields: [t]}]
    outputs: [{fields: [q, r]}]
)" + (more.empty() ? "" : "    " + more + "\n") +
         "    training: " + training + "\n";
}

const std::string k_fields = "targets: {q: q_true, r: r_true}, loss: [{mse: {fields: [q, r]}}]";

std::string with_optimizer(const std::string& optimizer) {
  return plan_text("{" + k_fields + ", optimizer: " + optimizer + "}");
}

TrainingSpec training_of_plan(const std::string& text) {
  return parse_plan(text, "/folder/plan.yaml").networks.at(0).training;
}

// Every loss and schedule, each key away from its default.
const std::vector<std::string>& all_kinds() {
  static const std::vector<std::string> texts{
      with_optimizer("{sgd: {lr: 0.1, momentum: 0.9, weight_decay: 1.0e-3, nesterov: on}}"),
      with_optimizer("{sgd: {lr: 0.1, momentum: 0.9, dampening: 0.2}}"),
      with_optimizer("{adam: {lr: 0.1, betas: [0.8, 0.99], eps: 1.0e-7, weight_decay: 0.1, amsgrad: on}}"),
      with_optimizer("{adamw: {lr: 0.1, betas: [0.8, 0.99], eps: 1.0e-7, weight_decay: 0.1, amsgrad: on}}"),
      with_optimizer("{rmsprop: {lr: 0.1, alpha: 0.9, eps: 1.0e-7, weight_decay: 0.1, momentum: 0.5, centered: on}}"),
      with_optimizer(
          "{adagrad: {lr: 0.1, lr_decay: 0.2, weight_decay: 0.1, initial_accumulator_value: 0.3, eps: 1.0e-7}}"),
      with_optimizer("{lbfgs: {lr: 1, history_size: 7, tolerance_grad: 0.1, tolerance_change: 0.2}}"),
      plan_text("{" + k_fields + ", optimizer: {adam: {lr: 1}}, schedule: {constant: {warmup: 3}}}"),
      plan_text("{" + k_fields + ", optimizer: {adam: {lr: 1}}, schedule: {step: {steps: 5, gamma: 0.5, warmup: 3}}}"),
      plan_text("{" + k_fields + ", optimizer: {adam: {lr: 1}}, schedule: {exponential: {gamma: 0.5, warmup: 3}}}"),
      plan_text("{" + k_fields + ", optimizer: {adam: {lr: 1}}, schedule: {cosine: {steps: 5, last: 0.5, warmup: 3}}}"),
      plan_text("{" + k_fields + ", optimizer: {adam: {lr: 1}}, schedule: {linear: {steps: 5, last: 0.5, warmup: 3}}}"),
      plan_text("{targets: {q: q_true, r: r_true}, loss: [{l1: {fields: [q, r]}, weight: 0.5}, "
                "{huber: {fields: [q], delta: 0.1}}, {smooth_l1: {fields: [q], beta: 0.2}}, "
                "{bce_with_logits: {fields: [r]}}], optimizer: {adam: {lr: 1}}}"),
      plan_text("{targets: {q: class, r: class2}, loss: [{cross_entropy: {fields: [q], label_smoothing: 0.1}}, "
                "{nll: {fields: [r]}}], optimizer: {adam: {lr: 1}}}"),
      plan_text("{targets: {q: q_true}, loss: [{method: my_loss, extra: [lat, lon], weight: 2}, "
                "{torchscript: sub/loss.pt, extra: [t, lat]}], optimizer: {adam: {lr: 1}}}"),
      plan_text(
          "{" + k_fields +
              ", weights: area, optimizer: {adam: {lr: 1}}, trainable: [\"head.*\", body], frozen: [enc], "
              "accumulate: 4, clip_norm: 1.5, clip_value: 2.5, seed: 9, patience: 5, max_bad_steps: 6, verify: on, "
              "validation: {fraction: 0.25, block: 16, every: 7}, replay: {capacity: 100, batches: 3}, "
              "checkpoint: {directory: c, every: 50, keep: 8}, resume: latest, delay: 2, log: {csv: log.csv}, "
              "offline: {epochs: 3, batch: 4, shuffle: off, split: {train: 0.5, validation: 0.25, test: 0.25, by: "
              "time, "
              "block: 6, gap: 1, seed: 2}}}",
          "normalize: {t: running, q: {std: 2}}"),
      plan_text("{optimizer: {adam: {lr: 1}}, resume: old/one.ckpt}", "tape: 5"),
  };
  return texts;
}

TEST(TrainingFromYaml, HasLibTorchsDefaults) {
  const auto optimizer = [](const std::string& text) { return training_of_plan(with_optimizer(text)).optimizer; };

  EXPECT_EQ(optimizer("{adamw: {lr: 1}}").weight_decay, 0.01);
  EXPECT_EQ(optimizer("{adam: {lr: 1}}").weight_decay, 0.0);
  EXPECT_EQ(optimizer("{adam: {lr: 1}}").beta1, 0.9);
  EXPECT_EQ(optimizer("{adam: {lr: 1}}").beta2, 0.999);
  EXPECT_EQ(optimizer("{adam: {lr: 1}}").eps, 1e-8);
  EXPECT_EQ(optimizer("{adagrad: {lr: 1}}").eps, 1e-10);
  EXPECT_EQ(optimizer("{rmsprop: {lr: 1}}").alpha, 0.99);
  EXPECT_EQ(optimizer("{lbfgs: {lr: 1}}").history, 100);
  EXPECT_EQ(optimizer("{lbfgs: {lr: 1}}").tolerance_grad, 1e-7);
  EXPECT_EQ(optimizer("{lbfgs: {lr: 1}}").tolerance_change, 1e-9);
}

TEST(TrainingFromYaml, CompletesDefaults) {
  const TrainingSpec training = training_of_plan(with_optimizer("{sgd: {lr: 0.5}}"));

  EXPECT_TRUE(training.given);
  EXPECT_EQ(training.optimizer.kind, OptimizerKind::sgd);
  EXPECT_EQ(training.optimizer.lr, 0.5);
  EXPECT_EQ(training.schedule.kind, ScheduleKind::constant);
  EXPECT_EQ(training.schedule.warmup, 0);
  EXPECT_EQ(training.trainable, std::vector<std::string>{"*"});
  EXPECT_TRUE(training.frozen.empty());
  EXPECT_EQ(training.delay, 0);
  EXPECT_EQ(training.accumulate, 1);
  EXPECT_EQ(training.clip_norm, 0.0);
  EXPECT_EQ(training.max_bad_steps, 10);
  EXPECT_EQ(training.patience, 0);
  EXPECT_EQ(training.validation.fraction, 0.0);
  EXPECT_EQ(training.loss.at(0).weight, 1.0);
  EXPECT_FALSE(
      parse_plan(plan_text("{optimizer: {adam: {lr: 1}}}", "tape: 1"), "").networks[0].training.weights.size());
}

TEST(TrainingFromYaml, ReadsEveryKey) {
  const TrainingSpec training = training_of_plan(all_kinds().at(15));

  EXPECT_EQ(training.targets, (std::map<std::string, std::string>{{"q", "q_true"}, {"r", "r_true"}}));
  EXPECT_EQ(training.weights, "area");
  EXPECT_EQ(training.trainable, (std::vector<std::string>{"head.*", "body"}));
  EXPECT_EQ(training.frozen, std::vector<std::string>{"enc"});
  EXPECT_EQ(training.delay, 2);
  EXPECT_EQ(training.accumulate, 4);
  EXPECT_EQ(training.clip_norm, 1.5);
  EXPECT_EQ(training.clip_value, 2.5);
  EXPECT_EQ(training.seed, 9);
  EXPECT_EQ(training.patience, 5);
  EXPECT_EQ(training.max_bad_steps, 6);
  EXPECT_TRUE(training.verify);
  EXPECT_EQ(training.validation.fraction, 0.25);
  EXPECT_EQ(training.validation.block, 16);
  EXPECT_EQ(training.validation.every, 7);
  EXPECT_EQ(training.replay.capacity, 100);
  EXPECT_EQ(training.replay.batches, 3);
  EXPECT_EQ(training.checkpoint.directory, "c");
  EXPECT_EQ(training.checkpoint.every, 50);
  EXPECT_EQ(training.checkpoint.keep, 8);
  EXPECT_EQ(training.resume, "latest");
  EXPECT_EQ(training.csv, "log.csv");
}

TEST(TrainingFromYaml, ReadsEveryOptionOfOptimizersAndSchedules) {
  const auto optimizer = [](std::size_t i) { return training_of_plan(all_kinds().at(i)).optimizer; };
  const auto schedule = [](std::size_t i) { return training_of_plan(all_kinds().at(i)).schedule; };

  EXPECT_TRUE(optimizer(0).nesterov);
  EXPECT_EQ(optimizer(0).momentum, 0.9);
  EXPECT_EQ(optimizer(1).dampening, 0.2);
  EXPECT_EQ(optimizer(2).beta1, 0.8);
  EXPECT_EQ(optimizer(2).beta2, 0.99);
  EXPECT_TRUE(optimizer(3).amsgrad);
  EXPECT_EQ(optimizer(3).eps, 1e-7);
  EXPECT_TRUE(optimizer(4).centered);
  EXPECT_EQ(optimizer(4).alpha, 0.9);
  EXPECT_EQ(optimizer(5).initial_accumulator, 0.3);
  EXPECT_EQ(optimizer(5).lr_decay, 0.2);
  EXPECT_EQ(optimizer(6).history, 7);
  EXPECT_EQ(optimizer(6).tolerance_grad, 0.1);
  EXPECT_EQ(optimizer(6).tolerance_change, 0.2);
  EXPECT_EQ(schedule(7).warmup, 3);
  EXPECT_EQ(schedule(8).kind, ScheduleKind::step);
  EXPECT_EQ(schedule(8).steps, 5);
  EXPECT_EQ(schedule(9).gamma, 0.5);
  EXPECT_EQ(schedule(10).last, 0.5);
  EXPECT_EQ(schedule(11).kind, ScheduleKind::linear);
}

TEST(TrainingFromYaml, ReadsLosses) {
  const std::vector<LossTerm> terms = training_of_plan(all_kinds().at(12)).loss;
  const std::vector<LossTerm> classes = training_of_plan(all_kinds().at(13)).loss;
  const std::vector<LossTerm> own = training_of_plan(all_kinds().at(14)).loss;

  ASSERT_EQ(terms.size(), 4u);
  EXPECT_EQ(terms[0].kind, LossKind::l1);
  EXPECT_EQ(terms[0].fields, (std::vector<std::string>{"q", "r"}));
  EXPECT_EQ(terms[0].weight, 0.5);
  EXPECT_EQ(terms[1].delta, 0.1);
  EXPECT_EQ(terms[2].beta, 0.2);
  EXPECT_EQ(terms[3].kind, LossKind::bce_with_logits);
  EXPECT_EQ(classes.at(0).label_smoothing, 0.1);
  EXPECT_EQ(classes.at(1).kind, LossKind::nll);
  EXPECT_EQ(own.at(0).source, "my_loss");
  EXPECT_EQ(own.at(0).extra, (std::vector<std::string>{"lat", "lon"}));
  EXPECT_EQ(own.at(1).source, "/folder/sub/loss.pt");
}

TEST(TrainingFromYaml, TakesFilesRelativeToThePlanButNotWordsOfTheDirectory) {
  EXPECT_EQ(training_of_plan(all_kinds().back()).resume, "/folder/old/one.ckpt");
  EXPECT_EQ(training_of_plan(all_kinds().at(15)).resume, "latest");
}

TEST(TrainingFromYaml, TellsMistakesOfOneLossOnce) {
  try {
    parse_plan(plan_text("{targets: {q: [1]}, loss: [{mes: {}}], weights: q, optimizer: {adam: {lr: 0}}}"), "p");
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;  // three lines
  }
}

TEST(TrainingToYaml, ReadsBackAsTheSamePlan) {
  for (const std::string& text : all_kinds()) {
    const Plan plan = parse_plan(text, "/folder/plan.yaml");
    const std::string resolved = plan_to_yaml(plan);

    EXPECT_EQ(serialise(parse_plan(resolved, "/folder/plan.yaml")), serialise(plan)) << resolved;
  }
}

TEST(TrainingToYaml, WritesEveryKey) {
  std::string resolved;
  for (const std::string& text : all_kinds()) resolved += plan_to_yaml(parse_plan(text, "/folder/plan.yaml"));

  for (const Key& key : training_keys()) {
    const Key* row = find_key("networks.*.training" + key.path);
    if (row->status == Status::not_yet || row->name() == "*") continue;
    EXPECT_NE(resolved.find(row->name() + ":"), std::string::npos) << row->path;
  }
}

TEST(TrainingBytes, ComeBackAsTheSamePlan) {
  for (const std::string& text : all_kinds()) {
    const std::string bytes = serialise(parse_plan(text, "/folder/plan.yaml"));

    EXPECT_EQ(serialise(deserialise(bytes)), bytes);
    EXPECT_EQ(plan_to_yaml(deserialise(bytes)), plan_to_yaml(parse_plan(text, "/folder/plan.yaml")));
  }
}

TEST(TrainingBytes, CutAnywhereAreRefused) {
  const std::string bytes = serialise(parse_plan(all_kinds().at(15), "plan.yaml"));

  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_THROW(deserialise(bytes.substr(0, size)), Error);
}

TEST(LevelsOfTargets, AreThoseOfTheOutputOrOneOfClasses) {
  const auto levels = [](std::size_t i, const char* output) {
    return levels_of_target(parse_plan(all_kinds().at(i), "p").networks[0], output, 4);
  };

  EXPECT_EQ(levels(0, "q"), 4);
  EXPECT_EQ(levels(13, "q"), 1);
  EXPECT_EQ(levels(14, "q"), 0);
}

TEST(TruthFields, FollowTheOrderOfOutputsThenWeightsThenExtras) {
  const auto fields = [](std::size_t i) { return truth_fields_of(parse_plan(all_kinds().at(i), "p").networks[0]); };

  EXPECT_EQ(fields(15), (std::vector<std::string>{"q_true", "r_true", "area"}));
  EXPECT_EQ(fields(14), (std::vector<std::string>{"q_true", "lat", "lon", "t"}));
  EXPECT_TRUE(fields(16).empty());
}

}  // namespace
}  // namespace ekman
