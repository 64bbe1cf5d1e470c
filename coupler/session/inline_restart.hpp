// The part of a network that runs inline in restart sets: rows go to the rank of the component that has the first
// point, which writes the same file that ML ranks would, and reads it at enddef of a run that resumes. DESIGN.md:
// "Inline".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "coupler/restart/restart_header.hpp"
#include "coupler/session/component_restart.hpp"
#include "coupler/session/inline_network.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/startup.hpp"

namespace ekman {

// What its file says of a network that runs inline, but for step and kinds.
RestartHeader inline_header(const Plan& plan, const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                            std::int64_t points);

// What `told` is in the plan's networks, each with its number: the step with which its file goes on. Collective over
// all ranks of the job. How the parts of the set do not belong together, in one sentence, the same everywhere; empty if
// they do.
std::string compare_restart_steps(const Job& job, const std::vector<std::pair<int, std::int64_t>>& told);

class InlineRestart {
 public:
  // `network` is null on ranks without points. All references must outlive it.
  InlineRestart(const Plan& plan, const NetworkSpec& spec, Route& route, std::int64_t tile, InlineNetwork* network,
                const Reducers& reducers, bool shared_cores);

  // Collective over the ranks of the component, as all but publish() is. On return the network's file is finished.
  void write(const RestartRequest& request);
  // On the rank with the first point, when the files of all networks are.
  void publish(const std::string& label) { network_->publish_set(label); }

  // Opens the file of the plan's `resume`, if there are points. What is wrong with it, on ranks that find it.
  std::string open();
  // Then: its step; 0 without points.
  std::int64_t step() const { return header_.step; }
  // Puts what it holds into outputs and reductions; true if there were outputs.
  bool restore();
  const std::string& path() const { return path_; }

 private:
  using TakeRows = std::function<void(std::int64_t row, std::int64_t count, std::byte* rows)>;

  bool is_first() const { return first_ == route_.comm.rank(); }
  RestartRequest settle_request(const RestartRequest& request) const;
  std::vector<std::byte*> places_of(int array) const;
  std::string gather(int array) const;
  std::string spread(int array, const TakeRows& take) const;
  template <class Visit>
  void for_parts(const RestartArray& array, Visit visit) const;
  template <class Visit>
  void for_rows(std::int64_t first, std::int64_t count, Visit visit) const;

  const Plan& plan_;
  const NetworkSpec& spec_;
  Route& route_;
  std::int64_t tile_;
  InlineNetwork* network_;
  const Reducers& reducers_;
  bool shared_cores_;
  int first_ = 0;  // the rank with the first point; past the last one: there are no points
  std::vector<Piece> pieces_;
  RestartHeader header_;  // of the set that is written or read
  std::vector<RestartArray> arrays_;
  std::string path_;
};

}  // namespace ekman
