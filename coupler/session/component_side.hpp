// A component rank from define to finalize: fields and points, their routes, and the model step that binds them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "coupler/comm/finalize_watch.hpp"
#include "coupler/session/component_route.hpp"
#include "coupler/session/coverage.hpp"
#include "coupler/session/definitions.hpp"
#include "coupler/session/network_site.hpp"
#include "coupler/session/profile_merge.hpp"
#include "coupler/session/route_description.hpp"
#include "coupler/session/startup.hpp"
#include "ekman/coupler.hpp"

namespace ekman {

class ComponentSide {
 public:
  // Collective over `found`, a communicator that only Ekman's ranks share. `models` is the one that the model gave.
  // `library` loads what networks that run inline need.
  ComponentSide(std::string component, std::unique_ptr<Watchdog> watchdog, Communicator found, MPI_Comm models,
                MlLibrary library);

  // The component's own communicator, for the model: it treats errors as `models` does.
  MPI_Comm local_comm() const { return models_local_.get(); }
  // For messages: component "x", rank n.
  std::string whoami() const;

  void def_points(const ArrayView& ids, const std::string& name);
  // Degrees of the points defined before, in array order.
  void def_coordinates(const ArrayView& longitude, const ArrayView& latitude, const std::string& points);
  void def_field(const std::string& name, const FieldOptions& options);
  // `step`: the step that the model makes next, which must be the coupler's; 0: the model does not say.
  void enddef(std::int64_t step);
  // The step that this rank is in, from 1.
  std::int64_t step() const;
  Info put(std::string_view name, const ArrayView& array, Part part);
  Info get(std::string_view name, const ArrayView& array, Part part);
  void put_adjoint(std::string_view name, const ArrayView& array, Part part, bool retain);
  void get_adjoint(std::string_view name, const ArrayView& array, Part part);
  void zero_grad(const std::string& network);
  // "network/quantity": see Coupler::scalar and Coupler::string.
  double scalar(const std::string& name);
  std::string string(const std::string& name);
  // See Coupler.
  void global_sum(const ArrayView& array);
  FieldFacts facts_of(std::string_view name);
  std::vector<TapeFacts> tapes();
  void advance();
  void write_restart(const std::string& label);
  void finalize();

 private:
  enum class Phase { define, run, finalized };
  // A field on one route: its index among the route's inputs, its truth or its outputs.
  struct Binding {
    ComponentRoute* route;
    int index;
    Feed feed = Feed::input;
  };
  struct Field;
  using Fields = std::map<std::string, Field, std::less<>>;
  struct Field {
    FieldOptions options;
    Axes axes{"p"};
    std::int64_t slots = 0;
    std::vector<Binding> feeds;
    Binding output{nullptr, 0};
    std::string fallback;                          // outputs: the field whose values take the place of points given up
    std::vector<const Fields::value_type*> needs;  // outputs: what is put before they are there
    std::unique_ptr<Reducer> kept;                 // a fallback: its values of this step
    int number = k_no_field;                       // see FieldNumbers
    std::uint64_t put_bits = 0;                    // of all networks that it is put for
    bool is_put() const { return !feeds.empty() || kept != nullptr; }
    Coverage coverage;
  };

  void require(Phase phase, const char* call) const;
  Field& find_field(std::string_view name);
  Definitions definitions() const;
  // `all`: the definitions, completed.
  RouteDefinition define_route(const NetworkSpec& spec, const Definitions& all) const;
  void describe(const NetworkSpec& spec, const Definitions& all, const std::vector<std::int64_t>& ids,
                const Route& route) const;
  std::int64_t inline_tile(const NetworkSpec& spec) const;
  std::string run_inline(int network, ComponentRoute& route);
  void record_inline_run();
  std::string unresumed_step_problem(std::int64_t step) const;
  void resume(std::int64_t step);
  std::vector<const Fields::value_type*> inputs_of(const NetworkSpec& spec) const;
  void require_put(const std::vector<const Fields::value_type*>& needed, const char* call, std::string_view name,
                   const std::string& network);
  ComponentRoute& find_route(const std::string& network, const std::string& call) const;
  const NetworkSite* find_site(const std::string& network) const;
  void settle_exchange(ComponentRoute& route, const std::string& what);
  void require_init_thread(const char* call) const;
  RouteState route_state(int network);
  void begin_profile();
  void merge_profile();
  std::vector<std::string> outputs_of(const NetworkSpec& spec) const;
  void bind(int network, ComponentRoute& route);
  std::int64_t check_part(std::string_view name, const Field& field, const ColumnView& view, const Part& part) const;
  bool on_init_thread() const { return std::this_thread::get_id() == thread_; }

  std::string component_;
  MlLibrary library_;
  Job job_;
  StateWriter& state_;                // of the job's watchdog; not after finalize
  std::unique_ptr<Profile> profile_;  // null: the plan asks for none
  std::unique_ptr<ProfileMerge> merge_;
  Communicator models_local_;
  std::unique_ptr<FinalizeWatch> watch_;
  StepClock clock_;
  int local_rank_;
  Phase phase_ = Phase::define;
  std::thread::id thread_ = std::this_thread::get_id();
  PointSets points_;
  std::map<std::string, Coordinates> coordinates_;  // by name of the point set
  Fields fields_;
  std::vector<Fields::value_type*> puts_;  // those that are put, from enddef on
  std::vector<std::unique_ptr<ComponentRoute>> routes_;
  std::vector<NetworkSite> sites_;         // of each route
  std::vector<int> speakers_;              // of each route: the first rank of the component that has points of it
  std::vector<std::string> inline_lines_;  // on the component's first rank: what runs inline, for the record of the run
  std::int64_t step_ = 1;
  std::mutex coverage_mutex_;
};

}  // namespace ekman
