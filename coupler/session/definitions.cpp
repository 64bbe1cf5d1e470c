// Implements definitions.hpp.
#include "coupler/session/definitions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/program_name.hpp"
#include "coupler/exchange/set_up_messages.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/point_check.hpp"
#include "coupler/session/undefined_outputs.hpp"

namespace ekman {

namespace {

std::vector<std::string> list_of(const Definitions& fields) {
  std::vector<std::string> names;
  for (const auto& entry : fields) names.push_back(entry.first);
  return names;
}

// Inputs, outputs and truth, each once.
std::vector<std::string> travelling_fields(const NetworkSpec& network) {
  std::vector<std::string> fields = all_fields_of(network);
  const std::set<std::string> known(fields.begin(), fields.end());
  for (const std::string& field : truth_fields_of(network))
    if (known.count(field) == 0) fields.push_back(field);
  return fields;
}

void check_truth(const NetworkSpec& network, const Definitions& mine, std::vector<std::string>& problems) {
  for (const auto& [output, target] : network.training.targets) {
    const auto found = mine.find(target), compared = mine.find(output);
    if (found == mine.end() || compared == mine.end()) continue;
    const std::int64_t wanted = levels_of_target(network, output, compared->second.levels);
    if (wanted == 0 || wanted == found->second.levels) continue;
    problems.push_back(fmt::format(
        "field \"{}\", the target of \"{}\" of network \"{}\", has {} levels; it must have {}, so define it "
        "with these",
        target, output, network.name, found->second.levels, wanted));
  }
  const auto weights = mine.find(network.training.weights);
  if (weights != mine.end() && weights->second.levels != 1) {
    problems.push_back(
        fmt::format("field \"{}\", the weights of network \"{}\", has {} levels, and a point has one weight; define it "
                    "with one level",
                    network.training.weights, network.name, weights->second.levels));
  }
}

// A field of the network that is missing. The output of a network that learns needs no definition if its levels are
// known.
std::string missing_problem(const NetworkSpec& network, const std::string& name, const Definitions& defined) {
  const std::vector<std::string> outputs = fields_of(network.outputs);
  const bool is_learned =
      network.training.targets.count(name) > 0 && std::find(outputs.begin(), outputs.end(), name) != outputs.end();
  const std::string what = fmt::format("network \"{}\" wants field \"{}\", which is not defined{} (defined: {})",
                                       network.name, name, did_you_mean(name, list_of(defined)), names_of(defined));
  if (!is_learned) return what + "; define it with def_field, or take it out of the plan";
  return what + fmt::format(
                    "; define it with def_field, or give its levels in the plan (components.{}.fields.{}.levels), "
                    "which its target does not tell",
                    network.component, name);
}

// `defined` are those of `mine` that the component itself has defined.
void check_network(const NetworkSpec& network, const Definitions& mine, const Definitions& defined,
                   const std::set<std::string>& optional, std::vector<std::string>& problems) {
  const FieldDefinition* first = nullptr;
  for (const std::string& name : travelling_fields(network)) {
    const auto found = mine.find(name);
    if (found == mine.end()) {
      // An optional output lacks its target, which is told.
      if (optional.count(name) == 0) problems.push_back(missing_problem(network, name, defined));
      continue;
    }
    if (first == nullptr) first = &found->second;
    if (found->second.points != first->points) {
      problems.push_back(
          fmt::format("field \"{}\" of network \"{}\" is on point set \"{}\", others on \"{}\"; a network "
                      "has one, so define all its fields on it",
                      name, network.name, found->second.points, first->points));
    }
  }
  for (const auto& [output, guard] : network.guard.fields) {
    const auto found = mine.find(guard.fallback), guarded = defined.find(output);
    if (guard.fallback.empty() || guarded == defined.end()) continue;
    if (found == mine.end()) {
      problems.push_back(
          fmt::format("the guard of network \"{}\" falls back on field \"{}\", which is not defined{} (defined: "
                      "{}); define it with def_field, or take it out of the plan",
                      network.name, guard.fallback, did_you_mean(guard.fallback, list_of(defined)), names_of(defined)));
    } else if (found->second.levels != guarded->second.levels || found->second.points != guarded->second.points ||
               found->second.units != guarded->second.units) {
      problems.push_back(
          fmt::format("field \"{}\" has {} levels in \"{}\" on point set \"{}\", its fallback \"{}\" {} in \"{}\" on "
                      "\"{}\"; define both alike",
                      output, guarded->second.levels, guarded->second.units, guarded->second.points, guard.fallback,
                      found->second.levels, found->second.units, found->second.points));
    }
  }
}

// Against what the plan says of the fields, whether a network uses them or not.
void check_specs(const ComponentSpec& component, const Definitions& mine, const Definitions& defined,
                 std::vector<std::string>& problems) {
  for (const auto& [name, spec] : component.fields) {
    const auto found = mine.find(name);
    if (found == mine.end()) {
      problems.push_back(
          fmt::format("the plan has field \"{}\" under its `fields`, which is not defined{} (defined: {}); define "
                      "it with def_field, or take it out of the plan",
                      name, did_you_mean(name, list_of(defined)), names_of(defined)));
      continue;
    }
    if (spec.levels > 0 && spec.levels != found->second.levels) {
      problems.push_back(fmt::format("field \"{}\" is defined with {} levels, the plan says {}; correct one of them",
                                     name, found->second.levels, spec.levels));
    }
    if (!spec.units.empty() && spec.units != found->second.units) {
      problems.push_back(fmt::format("field \"{}\" is defined in \"{}\", the plan says \"{}\"; correct one of them",
                                     name, found->second.units, spec.units));
    }
  }
}

// `component "x"`, or `component "x", ranks 0-2`.
std::string subject(const std::string& component, const std::set<int>& ranks) {
  const std::string who = fmt::format("component \"{}\"", component);
  return ranks.count(k_all_ranks) > 0 ? who : who + ", " + rank_list({ranks.begin(), ranks.end()});
}

// Collective over all ranks of the job. Every problem is told once, with all ranks that have it.
void report(const Communicator& all, const std::vector<Disagreement>& mine) {
  if (all.sum(static_cast<std::int64_t>(mine.size())) == 0) return;
  std::vector<ToldProblem> told;
  for (const Disagreement& problem : mine) {
    for (const int rank : problem.ranks.empty() ? std::vector<int>{k_all_ranks} : problem.ranks)
      told.push_back({problem.component, rank, problem.text});
  }
  std::map<std::pair<std::string, std::string>, std::set<int>> ranks_of;  // (component, sentence)
  for (const std::string& part : all.all_gather(write_problems(told)))
    for (const ToldProblem& problem : read_problems(part))
      ranks_of[{problem.component, problem.sentence}].insert(problem.rank);
  std::string first;
  for (const auto& [key, ranks] : ranks_of) {
    const std::string line = fmt::format("{}: {}", subject(key.first, ranks), key.second);
    if (all.rank() == 0) log_line("error: " + line);
    if (first.empty()) first = line;
  }
  if (all.rank() == 0) await_reader();  // the others may end the job as soon as they know
  all.barrier();
  throw PrintedError(ErrorCode::plan, first);
}

// Collective over all ranks of the job: components that a network waits for, and that no rank is.
std::vector<Disagreement> find_missing(const Job& job, const std::string& component) {
  std::vector<std::int64_t> ranks;
  for (const ComponentSpec& spec : job.plan.components) ranks.push_back(spec.name == component ? 1 : 0);
  job.all.sum(ranks);
  std::vector<Disagreement> missing;
  for (const NetworkSpec& network : job.plan.networks) {
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (ranks[i] > 0 || job.plan.components[i].name != network.component) continue;
      missing.push_back(
          {network.component,
           {},
           fmt::format("no rank of this job is it, but network \"{}\" waits for it; start it too, or take both "
                       "out of the plan",
                       network.name)});
    }
  }
  return missing;
}

// Collective over the ranks of one component.
Definitions definitions_of_rank_0(const Communicator& local, const Definitions& mine) {
  std::string bytes = write_definitions(mine);
  local.broadcast(bytes, 0);
  return read_definitions(bytes);
}

// Collective over the ranks of one component. The names of rank 0's point sets.
std::vector<std::string> sets_of_rank_0(const Communicator& local, const PointSets& points) {
  std::vector<std::string> names;
  for (const auto& entry : points) names.push_back(entry.first);
  std::string bytes = join_texts(names);
  local.broadcast(bytes, 0);
  return split_texts(bytes);
}

// Collective over the ranks of one component. Two programs under one name would be taken for one component.
std::string program_problem(const Communicator& local, const std::string& component) {
  const std::string mine = program_name();
  std::string theirs = mine;
  local.broadcast(theirs, 0);
  if (mine == theirs) return "";
  return fmt::format(
      "it is the program {}, but rank 0 is {}, and both call themselves \"{}\"; give each its own name in "
      "ekman_init, and in the plan",
      mine, theirs, component);
}

}  // namespace

std::vector<std::string> definition_problems(const Plan& plan, const std::string& component, const Definitions& mine,
                                             const Definitions& of_rank_0) {
  std::vector<std::string> problems;
  std::set<std::string> compared;
  const std::set<std::string> optional = optional_outputs(plan, component);
  const Definitions all = completed(plan, component, mine);
  check_specs(*find_component(plan, component), all, mine, problems);
  for (const NetworkSpec& network : plan.networks) {
    if (network.component != component) continue;
    check_network(network, all, mine, optional, problems);
    check_truth(network, all, problems);
    for (const std::string& name : travelling_fields(network)) {
      const auto here = mine.find(name), there = of_rank_0.find(name);
      if (here == mine.end() || there == of_rank_0.end() || !compared.insert(name).second) continue;
      if (here->second.levels != there->second.levels) {
        problems.push_back(fmt::format("field \"{}\" has {} levels, on rank 0 it has {}; define it alike on all ranks",
                                       name, here->second.levels, there->second.levels));
      }
      if (here->second.units != there->second.units) {
        problems.push_back(fmt::format("field \"{}\" is in \"{}\", on rank 0 in \"{}\"; define it alike on all ranks",
                                       name, here->second.units, there->second.units));
      }
    }
  }
  for (const std::string& output : optional) {
    const bool here = mine.count(output) > 0, there = of_rank_0.count(output) > 0;
    if (here == there) continue;
    problems.push_back(fmt::format("field \"{}\" is {}defined, on rank 0 it is {}; define it on all ranks, or on none",
                                   output, here ? "" : "not ", there ? "defined" : "not"));
  }
  return problems;
}

std::vector<std::string> unused_fields(const Plan& plan, const std::string& component, const Definitions& mine) {
  std::set<std::string> used;
  for (const NetworkSpec& network : plan.networks) {
    if (network.component != component) continue;
    for (const std::string& field : travelling_fields(network)) used.insert(field);
    for (const auto& [output, guard] : network.guard.fields)
      if (mine.count(output) > 0) used.insert(guard.fallback);
  }
  std::vector<std::string> unused;
  for (const auto& entry : mine)
    if (used.count(entry.first) == 0) unused.push_back(entry.first);
  return unused;
}

std::string rank_list(const std::vector<int>& given) {
  std::vector<int> ranks = given;
  std::sort(ranks.begin(), ranks.end());
  std::string text;
  for (std::size_t i = 0; i < ranks.size();) {
    std::size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", ranks[i]);
    if (last > i) text += fmt::format("-{}", ranks[last]);
    i = last + 1;
  }
  return (ranks.size() == 1 ? "rank " : "ranks ") + text;
}

void compare_definitions(const Job& job, const std::string& component, const Definitions& mine,
                         const PointSets& points) {
  find_missing(job, component);
  const Definitions of_rank_0 = definitions_of_rank_0(job.local, mine);
  const std::vector<std::string> sets = sets_of_rank_0(job.local, points);
  std::vector<Disagreement> problems = check_points(job.local, job.plan, component, of_rank_0, sets, points);
  const int rank = job.local.rank();
  const std::string program = program_problem(job.local, component);
  if (!program.empty()) problems.push_back({component, {rank}, program});
  for (const std::string& problem : definition_problems(job.plan, component, mine, of_rank_0))
    problems.push_back({component, {rank}, problem});
  report(job.all, problems);
  if (rank != 0) return;
  for (const std::string& line : undefined_output_lines(job.plan, component, mine)) log_line(line);
  std::vector<std::string> missing;
  for (const std::string& output : optional_outputs(job.plan, component))
    if (mine.count(output) == 0) missing.push_back(output);
  for (const std::string& name : unused_fields(job.plan, component, mine)) {
    log_line(
        fmt::format("warning: component \"{}\" defines field \"{}\", which no network of the plan uses; puts "
                    "of it have no effect, so take it out, or name it in the plan{}",
                    component, name, did_you_mean(name, missing)));
  }
}

void compare_definitions(const Job& job) {
  const std::vector<Disagreement> missing = find_missing(job, "");
  report(job.all, job.local.rank() == 0 ? missing : std::vector<Disagreement>{});
}

}  // namespace ekman
