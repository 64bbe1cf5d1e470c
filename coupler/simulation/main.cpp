// The program `ekman-simulated`, which `ekman simulate` starts.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "coupler/simulation/simulated_job.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Runs a plan on a simulated machine: real messages, stand-ins for models and networks."};
  app.name("ekman simulate");
  ekman::SimulationOptions options;
  std::string ranks, times, cluster;
  app.add_option("plan", options.plan, "the plan (YAML)")->required();
  std::vector<std::string> rank_words, time_words;
  app.add_option("--ranks", rank_words, "of each component: atmosphere=1024")->delimiter(',');
  app.add_option("--step-time", time_words, "seconds of a component's own code in each step: atmosphere=0.01")->delimiter(',');
  app.add_option("--steps", options.steps, "model steps")->capture_default_str();
  app.add_option("--platform", options.platform, "a platform file of SimGrid");
  app.add_option("--cluster", cluster, "nodes=64,cores=32,bandwidth=12.5GBps,latency=2us,memory_bandwidth=8GBps,memory_latency=500ns");
  app.add_option("--ml-per-node", options.ml_per_node, "ML ranks have nodes of their own, with so many on each");
  app.add_option("--copy-rate", options.copy_rate, "bytes a second of packing and unpacking; 0: no time");
  app.add_option("--cfg", options.settings, "a setting of SimGrid, such as smpi/coll-selector:ompi");
  CLI11_PARSE(app, argc, argv);
  try {
    for (const std::string& word : rank_words) options.ranks[word.substr(0, word.find('='))] = std::stoi(word.substr(word.find('=')+1));
    for (const std::string& word : time_words) options.step_time[word.substr(0, word.find('='))] = std::stod(word.substr(word.find('=')+1));
    options.cluster = ekman::parse_cluster(cluster);
    return ekman::simulate_job(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
