// The program `ekman-simulated`, which `ekman simulate` becomes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "coupler/command/mimic_words.hpp"
#include "coupler/simulation/simulated_job.hpp"

int main(int argc, char** argv) {
  CLI::App app{"run a plan on a simulated machine: stand-ins of its components, ML ranks, and the messages of both."};
  app.name("ekman simulate");
  ekman::SimulationOptions options;
  ekman::add_mimic_options(app, options.mimic);
  app.remove_option(app.get_option("--component"));
  std::string cluster;
  app.add_option(
      "--cluster", cluster,
      "nodes=64,cores=32,bandwidth=12.5GBps,latency=2us,memory_bandwidth=100GBps,memory_latency=500ns; in place "
      "of the defaults, which are these, with as many nodes as it takes");
  app.add_option("--platform", options.platform,
                 "a platform file of SimGrid in place of a cluster; its hosts in the order of their numbers")
      ->excludes(app.get_option("--cluster"));
  app.add_option(
         "--ml-per-node", options.ml_per_node,
         "ML ranks on each of the nodes that they have for themselves; default: they share those of the components")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--copy-rate", options.copy_rate,
                 "GB a second of packing and unpacking, by each rank; default: they take no time")
      ->check(CLI::Range(1e-3, 1e6));
  app.add_option("--stack", options.stack, "KiB of each rank, at least 128")
      ->capture_default_str()
      ->check(CLI::Range(128, 1 << 20));
  app.add_option("--cfg", options.settings, "a setting of SimGrid, such as smpi/os:0:1e-6:0");
  CLI11_PARSE(app, argc, argv);
  try {
    options.cluster = ekman::parse_cluster(cluster);
    return ekman::simulate_job(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
