// The program `ekman`: subcommands, wired by hand.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "adapters/yaml/check_keys.hpp"
#include "adapters/yaml/key_table.hpp"
#include "coupler/base/version.hpp"
#include "coupler/command/check.hpp"
#include "coupler/command/evaluate.hpp"
#include "coupler/command/inspect.hpp"
#include "coupler/command/merge_recordings.hpp"
#include "coupler/command/mimic.hpp"
#include "coupler/command/mimic_words.hpp"
#include "coupler/command/networks.hpp"
#include "coupler/command/report.hpp"
#include "coupler/command/serve.hpp"
#include "coupler/command/simulate.hpp"
#include "coupler/command/sweep.hpp"
#include "coupler/command/train.hpp"
#include "ekman/error.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Ekman couples MPI models with neural networks on dedicated ML ranks."};
  app.require_subcommand(1);
  app.set_version_flag("--version", ekman::build_version());
  std::string plan;
  CLI::App* serve = app.add_subcommand("serve",
                                       "run as an ML rank of a coupled job: mpirun -np 4 ./model : -np 1 "
                                       "ekman serve plan.yaml");
  serve->add_option("plan", plan, "the plan (YAML); read by the first ML rank")->required();
  std::string start_timeout = "PT10M";
  serve
      ->add_option(
          "--start-timeout", start_timeout,
          "how long the programs of the job may take to find each other; from then on `timeout` of the plan holds")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return ekman::parse_duration(text)
                   ? ""
                   : "must be a duration such as PT10M, PT30S or P1DT6H; found \"" + text + "\"";
      });
  CLI::App* checked =
      app.add_subcommand("check", "check a plan without MPI and sum it up; exit status 0 if it can be run");
  bool no_load = false, resolved = false, dot = false, svg = false, schema = false;
  ekman::CheckOptions options;
  checked->add_option("plan", plan, "the plan (YAML)");
  checked->add_flag("--no-load", no_load, "do not open the networks, nor try their forward");
  checked->add_flag("--strict", options.strict, "warnings fail the check too");
  CLI::Option_group* outputs = checked->add_option_group("output", "in place of the summary");
  outputs->add_flag("--resolved", resolved, "the plan with every default filled in");
  outputs->add_flag("--dot", dot, "a drawing, in the language of Graphviz");
  outputs->add_flag("--svg", svg, "the drawing as SVG; needs Graphviz");
  outputs->add_flag("--schema", schema, "the JSON schema of plans, for editors; takes no plan");
  outputs->require_option(0, 1);
  ekman::TrainOptions training;
  CLI::App* train = app.add_subcommand("train", "let a network learn from recordings, on one rank or under mpirun");
  train->add_option("plan", training.plan, "the plan (YAML); its `training` says what is learned, and how")->required();
  train->add_option("--data", training.data, "recordings, or patterns such as 'run/*.h5'")->required();
  train->add_option("--network", training.network, "which one, if several learn");
  ekman::EvaluateOptions evaluation;
  const auto add_trial = [&](const char* name, const char* sentence) {
    CLI::App* trial = app.add_subcommand(name, sentence);
    trial->add_option("plan", evaluation.plan, "the plan (YAML) that it learned by")->required();
    trial->add_option("--data", evaluation.data, "recordings, or patterns such as 'run/*.h5'")->required();
    trial->add_option("--network", evaluation.network, "which one, if several learn");
    trial
        ->add_option("--checkpoint", evaluation.checkpoint,
                     "best or latest of its checkpoints, a file, or `plan` for the network as the plan has it")
        ->capture_default_str();
    trial->add_option("--part", evaluation.part, "of the split")
        ->check(CLI::IsMember({"test", "validation", "train", "all"}))
        ->capture_default_str();
    return trial;
  };
  CLI::App* evaluate = add_trial("evaluate", "tell how good a network is on recordings, on one rank or under mpirun");
  evaluate->add_flag("!--no-figure", evaluation.figure, "draw no figure, which needs Python with matplotlib");
  CLI::App* predict = add_trial("predict", "write what a network says beside the truth of recordings, as netCDF-4");
  ekman::SweepOptions study;
  CLI::App* swept =
      app.add_subcommand("sweep", "run a plan at many points, for tables and figures of its scaling or learning");
  swept->add_option("study", study.study, "the study (YAML): a plan, a command, and lists of values")->required();
  swept->add_option("--output", study.output, "directory of the results; default: the study's name, beside its file");
  swept->add_flag("--print", study.print, "tell points, commands and scripts, and run nothing");
  swept->add_flag("--retry-failed", study.retry_failed, "run points again that have failed");
  swept->add_flag("!--no-figure", study.figure, "draw no figures, which needs Python with matplotlib");
  CLI::App* keys = app.add_subcommand("keys", "print the reference of all plan keys (Markdown)");
  bool of_studies = false;
  keys->add_flag("--study", of_studies, "that of the keys of studies, for `ekman sweep`");
  CLI::App* inspected = app.add_subcommand(
      "inspect",
      "say what is in a recording, restart file, profile, checkpoint, network or artifact; or merge recordings");
  std::vector<std::string> recordings;
  std::string merged;
  inspected
      ->add_option("files", recordings,
                   "files or artifacts, told apart by what is in them; recordings may be of a run that was killed")
      ->required();
  inspected->add_option("--merge", merged,
                        "write the records of all files, those of all ML ranks of a network, to this one");
  ekman::MimicOptions mimic_options;
  CLI::App* mimic = app.add_subcommand("mimic",
                                       "play components of a plan, with random fields: mpirun -n 4 ekman mimic "
                                       "plan.yaml --step-time 5ms : -n 1 ekman serve plan.yaml");
  add_mimic_options(*mimic, mimic_options);
  ekman::ReportOptions report;
  bool as_text = false, as_trace = false;
  CLI::App* reported = app.add_subcommand("report", "show where the time of a run went: a page that opens offline");
  reported->add_option("directory", report.directory, "output.directory of the run")->required();
  CLI::Option* text = reported->add_flag("--text", as_text, "print one screen in place of the page");
  reported->add_flag("--trace", as_trace, "write a trace that Perfetto opens, in place of the page")->excludes(text);
  reported->add_option("--output", report.output, "file; default: report.html, or trace.json, in the directory")
      ->excludes(text);
  // All that follows is for the program that it starts, which links another MPI.
  CLI::App* simulated = app.add_subcommand("simulate",
                                           "run a plan on a simulated machine of up to thousands of ranks, in this one "
                                           "process: ekman simulate plan.yaml --ranks atmosphere=1024 --step-time 5ms");
  simulated->set_help_flag();
  simulated->prefix_command();
  CLI::App* networks = app.add_subcommand("networks", "print the built-in networks with their keys");
  CLI11_PARSE(app, argc, argv);
  try {
    if (keys->parsed()) {
      std::fputs(ekman::key_reference_markdown(of_studies ? ekman::study_keys() : ekman::plan_keys()).c_str(), stdout);
      return 0;
    }
    if (networks->parsed()) {
      std::fputs(ekman::networks_text().c_str(), stdout);
      return 0;
    }
    if (serve->parsed()) return ekman::serve(argc, argv, plan, *ekman::parse_duration(start_timeout));
    if (simulated->parsed()) ekman::simulate(simulated->remaining());
    if (mimic->parsed()) return ekman::mimic(argc, argv, mimic_options);
    if (evaluate->parsed()) return ekman::evaluate(argc, argv, evaluation);
    if (predict->parsed()) return ekman::predict(argc, argv, evaluation);
    if (train->parsed()) return ekman::train(argc, argv, training);
    if (reported->parsed()) {
      using Kind = ekman::ReportOptions::Kind;
      report.kind = as_text ? Kind::text : as_trace ? Kind::trace : Kind::page;
      ekman::report(report);
      return 0;
    }
    if (swept->parsed()) return ekman::sweep(study);
    if (inspected->parsed()) {
      if (merged.empty()) {
        ekman::inspect(recordings);
      } else {
        ekman::merge_recordings(recordings, merged);
      }
      return 0;
    }
    if (schema) {
      std::fputs(ekman::key_schema_json().c_str(), stdout);
      return 0;
    }
    if (plan.empty()) throw ekman::Error(ekman::ErrorCode::usage, "ekman check needs a plan; see ekman check --help");
    using Output = ekman::CheckOptions::Output;
    options.load = !no_load;
    options.output = resolved ? Output::resolved : dot ? Output::dot : svg ? Output::svg : Output::summary;
    return ekman::check(plan, options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
