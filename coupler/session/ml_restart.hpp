// The ML rank's half of a restart set: requests of component ranks are collected, rows go to the network's
// file through the owner of its first chunk, and at enddef of a run that resumes every owner reads its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coupler/restart/restart_store.hpp"
#include "coupler/session/learning_restart.hpp"
#include "coupler/session/restart_words.hpp"
#include "coupler/session/route_setup.hpp"

namespace ekman {

// What an ML rank needs for restart sets, apart from its route.
struct RestartSetting {
  RestartStore* store = nullptr;
  std::int64_t period = 1;  // steps from one exchange to the next
  StepClock clock;
  std::vector<std::string> networks;  // of the component
};

class MlRestart {
 public:
  // `route` and `spec` must outlive it.
  MlRestart(const Route& route, const NetworkSpec& spec, RestartSetting setting);

  // Takes in a request, if one is here; one to publish is done at once. Returns whether one to write came.
  bool poll();
  // A rank of the component that has asked for a set not yet written; -1: none has.
  int asker() const { return requests_.empty() ? -1 : requests_.begin()->first - spec_.ranks; }
  // Then: the step before which it did, and the exchanges that it had made.
  const RestartRequest& request() const { return requests_.begin()->second; }
  bool all_have_asked() const { return requests_.size() == sources_.size(); }
  // When all have asked, and their exchanges are over: the network's file is written, together with the other
  // owners. `learning` is null for a network that does not learn.
  void write(const LearningRestart* learning);

  // Of the plan's `resume`: opens this network's file, and throws Error if it does not fit. No file for a
  // network without points, and then false.
  bool open(const std::string& label);
  const RestartHeader& set() const { return reader_->header(); }
  RestartReader& reader() { return *reader_; }
  const std::string& path() const { return reader_->path(); }
  // Reads this rank's rows into the output chunk buffers, if the set holds any, and sends the component ranks
  // the rest.
  void restore();

 private:
  struct Source {
    int rank = 0;               // in the route's communicator
    std::vector<int> messages;  // that carry its rows
  };
  using FillRows = std::function<void(std::int64_t slot, std::int64_t row, std::int64_t count, std::byte* to)>;

  RestartHeader describe() const;
  std::int64_t rows_of(std::int64_t chunk) const;
  std::int64_t first_row(std::int64_t slot) const { return slot * spec_.rows_per_chunk(); }
  int writer() const { return route_.owners.front(); }
  bool writes() const { return route_.comm.rank() == writer(); }
  std::vector<int> other_owners() const;
  void settle_request() const;
  void gather(const RestartArray& array, RestartWriter* file, const FillRows& fill) const;
  void gather_output(const RestartArray& array, std::int64_t field, std::int64_t exchange, RestartWriter* file) const;
  void gather_reduction(const RestartArray& array, RestartWriter* file) const;
  void check_ids();
  void check_beginning_of_learning() const;
  void read_output(const RestartArray& array, std::int64_t field, std::int64_t exchange);
  void send_reduction(const RestartArray& array);
  // Calls visit(row of the owned slots, number of rows) for the pieces of a source in their order.
  template <class Visit>
  void for_pieces(const Source& source, Visit visit) const;

  const Route& route_;
  const NetworkSpec& spec_;
  RestartSetting setting_;
  std::vector<Source> sources_;
  std::map<int, RestartRequest> requests_;  // by source
  std::unique_ptr<RestartReader> reader_;
};

}  // namespace ekman
