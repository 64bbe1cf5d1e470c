// Implements inline_network.hpp: each network has a thread of its own in the component's process, in which it is loaded
// and run.
#include "coupler/command/inline_network.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "adapters/hdf5/restart_store.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/process_tuning.hpp"
#include "coupler/base/version.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/command/own_thread.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/command/profile_record.hpp"
#include "coupler/command/run_record.hpp"
#include "coupler/plan/sizes.hpp"
#include "coupler/session/inline_restart.hpp"
#include "coupler/session/profile_merge.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

struct Network {
  Plan plan;
  NetworkSpec spec;  // in chunks of one tile
  RowLayout in, out;
  std::unique_ptr<OwnThread> thread;
  std::unique_ptr<Engine> engine;  // of that thread
  std::unique_ptr<RestartStore> store;
  std::unique_ptr<RestartWriter> writer;
  std::unique_ptr<RestartReader> reader;
  std::vector<RestartArray> arrays;  // of the set that is written or read

  ~Network() {
    if (engine) thread->run([this] { engine.reset(); });
  }
  RestartStore& sets() {
    if (!store) store = make_hdf5_restart_store(plan.output_directory);
    return *store;
  }
  RestartHeader header(std::int64_t points) const { return inline_header(plan, spec, in, out, points); }
};

Network& of(void* network) { return *static_cast<Network*>(network); }

void tell(const TextSink* text, const std::string& what) {
  text->take(text->to, what.data(), static_cast<std::int64_t>(what.size()));
}

// Runs `work`; its error becomes a code, its sentence goes to `text`.
template <class Work>
int guarded(const TextSink* text, Work work) {
  try {
    work();
    return 0;
  } catch (const Error& error) {
    tell(text, error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    tell(text, fmt::format("out of memory on {}; run fewer ranks on a node, or take placement: dedicated, where the "
                           "network is in fewer processes",
                           node_name()));
  } catch (const std::exception& error) {
    tell(text, error.what());
  }
  return static_cast<int>(ErrorCode::internal);
}

Plan plan_of(const PlanBytes& plan) { return deserialise({plan.bytes, static_cast<std::size_t>(plan.size)}); }

std::vector<std::string> lines_of(const char* text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

RowLayout layout_of(const std::vector<Argument>& arguments, const std::int64_t* levels) {
  return make_row_layout(arguments, {levels, levels + fields_of(arguments).size()});
}

int read_plan_file(const char* path, const TextSink* text) {
  return guarded(text, [&] {
    PlanReading reading = examine_whole_plan(path);
    reading.diagnostics.throw_if_errors();
    for (const std::string& line : reading.diagnostics.lines(Severity::note)) log_line(line);
    prepare_output(reading.plan);
    tell(text, serialise(reading.plan));
  });
}

int write_record(PlanBytes plan, const char* nodes, const char* lines, const TextSink* text) {
  return guarded(text, [&] { write_run_record(plan_of(plan), lines_of(nodes), {"inline", lines_of(lines)}); });
}

int write_run_profile(PlanBytes plan, const char* profiles, std::int64_t size, const TextSink* text) {
  return guarded(text, [&] { record_profile(plan_of(plan), unbundle({profiles, static_cast<std::size_t>(size)})); });
}

int open(const InlineRequest* request, void** network, const TextSink* text) {
  return guarded(text, [&] {
    auto opened = std::make_unique<Network>();
    opened->plan = plan_of(request->plan);
    // A model may change its folder later.
    opened->plan.output_directory = std::filesystem::absolute(opened->plan.output_directory).string();
    NetworkSpec& spec = opened->spec = opened->plan.networks.at(static_cast<std::size_t>(request->network));
    opened->in = layout_of(spec.inputs, request->in_levels);
    opened->out = layout_of(spec.outputs, request->out_levels);
    const std::string device = request->device;
    spec.chunk = spec.tile = tile_samples(spec, device != "cpu");
    opened->thread = std::make_unique<OwnThread>();
    std::string told;
    opened->thread->run([&] {
      opened->engine = make_engine(spec, {opened->in, opened->out, {}}, device, spec.threads);
      // Asked here: what another network sets for its own thread comes too late for this one.
      told = opened->engine->describe() + "\n" + opened->engine->arithmetic();
      if (!needs_library(spec)) return;
      const std::string binding = device == "cpu" ? binding_warning(spec.threads, cores_allowed()) : "";
      if (!binding.empty()) told += "\n" + binding;
      for (const std::string& warning : network_library().blas_warnings()) told += "\n" + warning;
    });
    tell(text, told);
    *network = opened.release();
  });
}

// If the library cannot be loaded `open` says so.
int count_gpus() {
  try {
    return network_library().gpu_count();
  } catch (const Error&) {
    return 0;
  }
}

void close(void* network) { delete &of(network); }

int forward(void* network, const std::byte* in, std::byte* out, std::int64_t rows, const TextSink* text) {
  return guarded(text, [&] { of(network).thread->run([&] { of(network).engine->forward(in, out, rows); }); });
}

int begin_set(void* network, const char* label, const InlineSet* set, const TextSink* text) {
  return guarded(text, [&] {
    RestartHeader header = of(network).header(set->points);
    header.step = set->step;
    for (std::int64_t i = 0; i < set->num_kinds; ++i)
      header.kinds.push_back(set->kinds[i] == 4 ? Real::float32 : Real::float64);
    of(network).arrays = all_arrays(header);
    of(network).writer = of(network).sets().create(label, header);
  });
}

int write_rows(void* network, int array, std::int64_t first, std::int64_t count, const std::byte* rows,
               const TextSink* text) {
  return guarded(text, [&] { of(network).writer->write(of(network).arrays.at(array), first, count, rows); });
}

int end_set(void* network, const TextSink* text) {
  return guarded(text, [&] {
    const std::unique_ptr<RestartWriter> writer = std::move(of(network).writer);
    writer->finish();
  });
}

int publish_set(void* network, const char* label, const TextSink* text) {
  return guarded(text, [&] {
    const std::string& component = of(network).spec.component;
    std::vector<std::string> networks;
    for (const NetworkSpec& spec : of(network).plan.networks)
      if (spec.component == component) networks.push_back(spec.name);
    of(network).sets().publish(label, component, networks);
    log_line(fmt::format("restart set \"{}\" of component \"{}\" is written", label, component));
  });
}

int open_set(void* network, std::int64_t points, const TextSink* text) {
  return guarded(text, [&] {
    Network& mine = of(network);
    const std::string& label = mine.plan.resume;
    mine.reader = mine.sets().open({label, mine.spec.component, mine.spec.name});
    const RestartHeader& set = mine.reader->header();
    require_fit(set, mine.header(points), label, mine.reader->path());
    mine.arrays = all_arrays(set);
    std::string numbers = fmt::format("{}", set.step);
    for (const Real kind : set.kinds) numbers += fmt::format(" {}", real_size(kind));
    tell(text, numbers + "\n" + mine.reader->path());
  });
}

int read_rows(void* network, int array, std::int64_t first, std::int64_t count, std::byte* rows, const TextSink* text) {
  return guarded(text, [&] { of(network).reader->read(of(network).arrays.at(array), first, count, rows); });
}

}  // namespace

const MlFunctions& inline_functions() {
  static const MlFunctions functions{build_version(),    sizeof(MlFunctions), &read_plan_file, &write_record,
                                     &write_run_profile, &count_gpus,         &open,           &close,
                                     &forward,           &begin_set,          &write_rows,     &end_set,
                                     &publish_set,       &open_set,           &read_rows};
  return functions;
}

}  // namespace ekman
