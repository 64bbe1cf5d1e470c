// The program `ekman`: subcommands, wired by hand.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/base/version.hpp"
#include "coupler/command/serve.hpp"

namespace {

int check(const std::string& file) {
  const ekman::Plan plan = ekman::read_plan(file);
  std::printf("%s: no problems; %d ML rank(s)\n", file.c_str(), ekman::ml_ranks_of(plan));
  for (const ekman::NetworkSpec& network : plan.networks) {
    std::printf("  network %s: component %s, %d ML rank(s), chunk %lld\n", network.name.c_str(),
                network.component.c_str(), network.ranks, static_cast<long long>(network.chunk));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Ekman couples MPI models with neural networks on dedicated ML ranks."};
  app.require_subcommand(1);
  app.set_version_flag("--version", ekman::build_version());
  std::string plan;
  CLI::App* serve = app.add_subcommand("serve", "run as an ML rank of a coupled job: mpirun -np 4 ./model : -np 1 "
                                                "ekman serve plan.yaml");
  serve->add_option("plan", plan, "the plan (YAML); read by the first ML rank")->required();
  CLI::App* checked = app.add_subcommand("check", "check a plan without MPI; all problems in one go");
  checked->add_option("plan", plan, "the plan (YAML)")->required();
  CLI::App* keys = app.add_subcommand("keys", "print the reference of all plan keys (Markdown)");
  CLI11_PARSE(app, argc, argv);
  try {
    if (keys->parsed()) {
      std::fputs(ekman::key_reference_markdown().c_str(), stdout);
      return 0;
    }
    return checked->parsed() ? check(plan) : ekman::serve(argc, argv, plan);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
