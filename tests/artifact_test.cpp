// Directories of ekman-export: damaged ones, and what they say to a plan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "adapters/json/artifact_file.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/base/sha256.hpp"
#include "message_of.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string digits_of(const std::string& text) {
  Sha256 sum;
  sum.add(text.data(), text.size());
  return sum.digits();
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ArtifactTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    for (const char* name : {k_artifact_train, k_artifact_infer, k_artifact_weights}) put(name, fmt_bytes(name));
    put(k_artifact_optimizer,
        R"({"adamw": {"lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-08, "weight_decay": 0.01, "amsgrad": "off"}})");
    manifest_ = ordered_json::parse(R"({
      "format": "ekman artifact 1", "sha256": "", "files": {},
      "source": {"from": "net.py:Net", "kwargs": {"width": 4}, "weights": null, "class": "Net", "how": "script"},
      "versions": {"ekman": "0.1.0", "torch": "1.13.1", "python": "3.11.2"},
      "parameters": {"encoder.weight": {"shape": [8, 3], "dtype": "float64", "trainable": false}},
      "buffers": {},
      "inputs": [{"fields": ["t", "s"], "shape": [null, 4], "dtype": "float64"}],
      "outputs": [{"fields": ["dt"], "shape": [null, 3], "dtype": "float64"}],
      "outputs_by_name": false,
      "supports": {"jit": true, "cuda_graphs": false, "amp_cpu": true, "amp_gpu": false}, "tried": ["jit", "amp_cpu"],
      "defaults": {
        "inputs": [{"fields": ["t", "s"], "combine": "concat"}], "outputs": [{"fields": ["dt"], "combine": "concat"}],
        "compute": "float64", "normalize": {"t": {"mean": 250.0, "std": 30.0}, "s": {"from": "statistics.h5"}},
        "fields": {"t": {"levels": 3}, "s": {"levels": 1}, "dt": {"levels": 3}},
        "training": {"loss": [{"mse": {"fields": ["dt"]}, "weight": 0.4}], "frozen": ["encoder.*"]}}})");
    seal();
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string fmt_bytes(const std::string& name) { return "bytes of " + name; }
  void put(const std::string& name, const std::string& text) { write(folder_ / name, text); }

  // The manifest of the files as they are.
  void seal() {
    manifest_["files"] = ordered_json::object();
    for (const fs::directory_entry& file : fs::directory_iterator(folder_)) {
      const std::string name = file.path().filename().string();
      if (name != k_artifact_manifest) manifest_["files"][name] = digits_of(read(file.path()));
    }
    manifest_["sha256"] = std::string(64, '0');
    const std::string digits = digits_of(manifest_.dump(1));
    manifest_["sha256"] = digits;
    put(k_artifact_manifest, manifest_.dump(1));
  }

  std::string refusal() const {
    return message_of([this] { read_artifact(folder_.string()); });
  }

  PlanReading reading(const std::string& network, const std::string& components = "{atmosphere: {}}") const {
    return examine_text("ekman: 1\ncomponents: " + components +
                            "\nnetworks:\n  n:\n    component: atmosphere\n    network: {artifact: " +
                            folder_.filename().string() + "}\n" + network,
                        (folder_.parent_path() / "plan.yaml").string(), read_artifact);
  }

  fs::path folder_ = fs::path(testing::TempDir()) / "ekman_artifact_test";
  ordered_json manifest_;
};

const std::string k_learns =
    "    training:\n      targets: {dt: dt_true}\n      checkpoint: {directory: kept, every: 10}\n";

TEST_F(ArtifactTest, GivesThePlanWhatItDoesNotSay) {
  const PlanReading found = reading(k_learns);

  EXPECT_EQ(found.diagnostics.lines(Severity::warning), std::vector<std::string>{});
  const NetworkSpec& network = found.plan.networks.at(0);
  EXPECT_EQ(network.source.kind, SourceKind::torchscript);
  EXPECT_EQ(network.source.path, (folder_ / k_artifact_train).string());
  EXPECT_EQ(network.source.sha256, digits_of(fmt_bytes(k_artifact_train)));
  EXPECT_EQ(network.source.artifact, folder_.string());
  EXPECT_EQ(fields_of(network.inputs), (std::vector<std::string>{"t", "s"}));
  EXPECT_EQ(network.compute, Compute::float64);
  EXPECT_EQ(network.normalize.at("t").mean, std::vector<double>{250.0});
  EXPECT_EQ(network.normalize.at("s").from, (folder_ / "statistics.h5").string());
  EXPECT_EQ(network.training.loss.at(0).weight, 0.4);
  EXPECT_EQ(network.training.frozen, std::vector<std::string>{"encoder.*"});
  EXPECT_EQ(network.training.optimizer.kind, OptimizerKind::adamw);
  EXPECT_EQ(network.training.optimizer.weight_decay, 0.01);
  EXPECT_EQ(found.plan.components.at(0).fields.at("t").levels, 3);
}

TEST_F(ArtifactTest, IsResolvedToAPlanThatReadsBackAsTheSame) {
  const Plan plan = reading(k_learns).plan;

  const std::string resolved = plan_to_yaml(plan);

  EXPECT_THAT(resolved, HasSubstr("artifact: " + folder_.string()));
  const PlanReading again = examine_text(resolved, plan.file, read_artifact);
  EXPECT_EQ(serialise(again.plan), serialise(plan)) << resolved;
  EXPECT_EQ(again.diagnostics.count(Severity::note), 1U);
}

TEST_F(ArtifactTest, ServesTheNetworkThatWasMadeForIt) {
  const PlanReading found = reading("");

  EXPECT_EQ(found.plan.networks.at(0).source.path, (folder_ / k_artifact_infer).string());
  EXPECT_FALSE(found.plan.networks.at(0).training.given);
}

TEST_F(ArtifactTest, LeavesThePlanItsOwnAndSaysSo) {
  const PlanReading found =
      reading("    compute: float32\n    normalize: {t: {mean: 1}}\n" + k_learns +
                  "      trainable: [encoder.weight]\n      optimizer: {adamw: {lr: 5.0e-4, eps: 1.0e-8}}\n",
              "{atmosphere: {fields: {t: {levels: 5}}}}");

  const NetworkSpec& network = found.plan.networks.at(0);
  EXPECT_EQ(network.compute, Compute::float32);
  EXPECT_EQ(network.normalize.at("t").mean, std::vector<double>{1.0});
  EXPECT_EQ(network.normalize.at("t").std, std::vector<double>{1.0});
  EXPECT_EQ(network.training.optimizer.lr, 5e-4);
  EXPECT_EQ(network.training.optimizer.weight_decay, 0.01);
  EXPECT_TRUE(network.training.frozen.empty());
  EXPECT_EQ(found.plan.components.at(0).fields.at("t").levels, 5);
  EXPECT_THAT(
      found.diagnostics.lines(Severity::note),
      ElementsAre(HasSubstr("levels of field \"t\" is 5 here, in place of 3 of the artifact"),
                  AllOf(HasSubstr(":6:25: note: network \"n\" has from the artifact"),
                        HasSubstr("inputs, outputs, normalize.s, training.loss, the rest of "
                                  "training.optimizer.adamw")),
                  HasSubstr("note: `compute` is float32 here, in place of float64 of the artifact"),
                  HasSubstr("note: `normalize.t` is {mean: 1} here, in place of {mean: 250.0, std: 30.0}"),
                  HasSubstr("note: `training.frozen` [encoder.*] of the artifact is left out, since the plan has "
                            "`training.trainable`"),
                  HasSubstr("note: `training.optimizer.adamw.lr` is 5.0e-4 here, in place of 0.001")));
}

TEST_F(ArtifactTest, LeavesThePlanAnOptimizerOfAnotherKindWhole) {
  const PlanReading found = reading(k_learns + "      optimizer: {sgd: {lr: 0.1}}\n");

  EXPECT_EQ(found.diagnostics.lines(Severity::warning), std::vector<std::string>{});
  EXPECT_EQ(found.plan.networks.at(0).training.optimizer.kind, OptimizerKind::sgd);
  EXPECT_EQ(found.plan.networks.at(0).training.optimizer.weight_decay, 0.0);
}

TEST_F(ArtifactTest, WarnsOfANormalisationThatIsLostWithItsField) {
  const PlanReading found = reading("    inputs: [{fields: [t, v]}]\n");

  EXPECT_THAT(
      found.diagnostics.lines(Severity::warning),
      ElementsAre(HasSubstr("warning: field \"s\" is not among the inputs and outputs here, so its normalisation")));
  EXPECT_EQ(found.plan.networks.at(0).normalize.size(), 1U);
  EXPECT_EQ(found.plan.components.at(0).fields.count("s"), 0U);
  EXPECT_EQ(found.plan.components.at(0).fields.at("t").levels, 3);
}

TEST_F(ArtifactTest, TakesArgumentsThatThePlanWritesAlikeAndTellsLevelsThatDiffer) {
  const PlanReading found = reading("    inputs: [{fields: [t, s]}]\n", "{atmosphere: {fields: {t: {levels: 4}}}}");

  EXPECT_THAT(found.diagnostics.lines(Severity::note),
              ElementsAre(HasSubstr("levels of field \"t\" is 4 here, in place of 3 of the artifact"),
                          HasSubstr("network \"n\" has from the artifact")));
  EXPECT_EQ(found.plan.components.at(0).fields.at("s").levels, 1);
}

TEST_F(ArtifactTest, SaysWhichFieldOfItsLossIsMissing) {
  EXPECT_THAT(reading("    outputs: [{fields: [du]}]\n" + k_learns + "      optimizer: {sgd: {lr: 0.1}}\n")
                  .diagnostics.lines(Severity::error),
              testing::Contains(HasSubstr("the loss of the artifact takes \"dt\", which is no output here; give "
                                          "`training.loss`")));
  EXPECT_THAT(reading("    training: {checkpoint: {directory: kept, every: 10}}\n").diagnostics.lines(Severity::error),
              ElementsAre(HasSubstr("the loss of the artifact takes \"dt\", which has no target here; name one under "
                                    "`training.targets`, or give")));
}

TEST_F(ArtifactTest, MustBeNamed) {
  for (const char* value : {"", "[a]", "{a: b}"}) {
    const std::string text =
        std::string("ekman: 1\ncomponents: {a: {}}\nnetworks:\n  n:\n    component: a\n    network: {artifact: ") +
        value + "}\n";
    EXPECT_THAT(examine_text(text, "plan.yaml", read_artifact).diagnostics.lines(Severity::error),
                ElementsAre(HasSubstr("key \"artifact\" must be the directory that ekman-export wrote")));
  }
}

TEST_F(ArtifactTest, LeavesTheLossToAComponentThatPutsAdjoints) {
  const PlanReading found = reading("    tape: 2\n    training: {checkpoint: {directory: kept, every: 10}}\n");

  EXPECT_EQ(found.diagnostics.lines(Severity::warning), std::vector<std::string>{});
  EXPECT_TRUE(found.plan.networks.at(0).training.loss.empty());
}

TEST_F(ArtifactTest, RefusesWhatItDoesNotSupport) {
  const auto errors = [&](const std::string& network) { return reading(network).diagnostics.lines(Severity::error); };

  EXPECT_THAT(errors("    compute: bfloat16\n"), ElementsAre());
  EXPECT_THAT(errors("    device: cuda:1\n    compute: bfloat16\n"),
              ElementsAre(HasSubstr("`compute: bfloat16` asks for more than the artifact")));
  EXPECT_THAT(errors("    cuda_graph: on\n"),
              ElementsAre(AllOf(HasSubstr(":7:17: error: `cuda_graph: on` asks for more"),
                                HasSubstr("does not declare cuda_graphs; take another value"))));
}

TEST_F(ArtifactTest, RefusesToLearnWithANetworkForInference) {
  fs::remove(folder_ / k_artifact_train);
  fs::remove(folder_ / k_artifact_optimizer);
  seal();

  EXPECT_THAT(reading(k_learns + "      loss: [{mse: {fields: [dt]}}]\n      optimizer: {sgd: {lr: 0.1}}\n")
                  .diagnostics.lines(Severity::error),
              ElementsAre(HasSubstr("network \"n\" cannot learn: the artifact")));
}

TEST_F(ArtifactTest, HoldsTheManifestAgainstTheSumInThePlan) {
  const std::string text =
      "ekman: 1\ncomponents: {atmosphere: {}}\nnetworks:\n  n:\n    component: atmosphere\n    network: "
      "{artifact: " +
      folder_.string() + ", sha256: ";
  const std::string sum = manifest_["sha256"];

  EXPECT_EQ(examine_text(text + sum + "}\n", "plan.yaml", read_artifact).diagnostics.lines(Severity::warning),
            std::vector<std::string>{});
  EXPECT_THAT(
      examine_text(text + std::string(64, '1') + "}\n", "plan.yaml", read_artifact).diagnostics.lines(Severity::error),
      ElementsAre(HasSubstr("has the SHA-256 " + sum + " in its manifest.json, but the plan asks for 1111")));
}

TEST_F(ArtifactTest, RefusesADirectoryInWhichAnyFileWasChanged) {
  for (const auto& file : manifest_["files"].items()) {
    const std::string whole = read(folder_ / file.key());
    put(file.key(), whole + "x");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("was damaged or changed: " + file.key() + " has the SHA-256 "),
                                 HasSubstr("copy it again")));
    put(file.key(), whole);
  }
  std::string changed = read(folder_ / k_artifact_manifest);
  changed.replace(changed.find("250.0"), 5, "251.0");
  put(k_artifact_manifest, changed);

  EXPECT_THAT(refusal(), HasSubstr("manifest.json whose bytes are not those that were written"));
}

TEST_F(ArtifactTest, RefusesADirectoryInWhichAnyFileIsMissing) {
  for (const auto& file : manifest_["files"].items()) {
    const std::string whole = read(folder_ / file.key());
    fs::remove(folder_ / file.key());
    EXPECT_THAT(refusal(), HasSubstr("has no file " + file.key() + "; copy the whole directory"));
    put(file.key(), whole);
  }
  fs::remove(folder_ / k_artifact_manifest);

  EXPECT_THAT(refusal(), HasSubstr("has no file manifest.json"));
}

TEST_F(ArtifactTest, RefusesManifestsThatAreNone) {
  put(k_artifact_manifest, "{");
  EXPECT_THAT(refusal(), HasSubstr("has a manifest.json that is no JSON of ekman-export"));
  put(k_artifact_manifest, std::string(100, '[') + std::string(100, ']'));
  EXPECT_THAT(refusal(), HasSubstr("has a manifest.json that is no JSON of ekman-export"));
  manifest_["format"] = "ekman artifact 2";
  seal();
  EXPECT_THAT(refusal(), HasSubstr("has the format \"ekman artifact 2\", and this Ekman reads \"ekman artifact 1\""));
  manifest_["format"] = "ekman artifact 1";
  manifest_.erase("supports");
  seal();
  EXPECT_THAT(refusal(), HasSubstr("that does not say all it should"));
  EXPECT_THAT(message_of([] { read_artifact("/nowhere"); }), HasSubstr("artifact /nowhere is no directory"));
}

TEST_F(ArtifactTest, TellsWhatIsInIt) {
  const std::vector<std::string> lines = describe_artifact(folder_.string());

  EXPECT_THAT(lines, testing::IsSupersetOf({std::string("from net.py:Net by script, with kwargs {\"width\":4}"),
                                            std::string("supports jit, amp_cpu"),
                                            std::string("parameters: 24 values in 1 tensors"),
                                            std::string("    encoder.weight                   float64 [8,3], frozen"),
                                            "train.pt: 17 bytes, sha256 " + digits_of(fmt_bytes(k_artifact_train))}));
}

}  // namespace
}  // namespace ekman
