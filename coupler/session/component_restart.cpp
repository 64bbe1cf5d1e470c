// Implements component_restart.hpp. A value travels as a word of its own bits, whatever its kind: this is no
// path to be fast.
#include "coupler/session/component_restart.hpp"

#include <algorithm>
#include <cstring>

#include "coupler/exchange/wire.hpp"
#include "coupler/session/route_common.hpp"

namespace ekman {

namespace {

// The slots of this rank whose rows one owner has, in the order of the rows: that of the pieces, on both
// sides.
struct OwnerRuns {
  int owner = 0;
  std::vector<Run> runs;
};

std::vector<OwnerRuns> runs_by_owner(const Direction& direction) {
  std::vector<Run> runs = direction.runs;
  // Messages are made owner by owner; the rows of one lie by ascending position, in a window as on the heap.
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return a.message != b.message ? a.message < b.message : std::less<std::byte*>()(a.row, b.row);
  });
  std::vector<OwnerRuns> all;
  for (const Run& run : runs) {
    const int owner = direction.messages[run.message].peer;
    if (all.empty() || all.back().owner != owner) all.push_back({owner, {}});
    all.back().runs.push_back(run);
  }
  return all;
}

// Calls visit(address of a value) for all levels of all slots, in the order of the rows.
template <class Visit>
void for_values(const OwnerRuns& mine, Reducer& reducer, std::int64_t levels, Visit visit) {
  const std::int64_t size = real_size(reducer.kind());
  for (const Run& run : mine.runs) {
    std::byte* value = reducer.rows(run.slot).first;
    for (std::int64_t i = 0; i < run.count * levels; ++i, value += size) visit(value, size);
  }
}

struct ReducedField {
  Reducer* reducer;
  std::int64_t levels;
};

// Inputs, then targets and the like: the order of reduction_arrays().
std::vector<ReducedField> reduced_fields(const Route& route, const Reducers& reducers) {
  std::vector<ReducedField> fields;
  auto reducer = reducers.begin();
  for (const Direction* direction : {&route.in, &route.truth}) {
    for (const FieldSlot& field : direction->layout.fields) {
      if (*reducer != nullptr) fields.push_back({reducer->get(), field.levels});
      ++reducer;
    }
  }
  return fields;
}

void send_reduction(const Route& route, const std::vector<OwnerRuns>& owners, Reducer& reducer, std::int64_t levels) {
  std::vector<std::vector<std::int64_t>> words(owners.size());
  std::vector<MPI_Request> requests;
  for (std::size_t o = 0; o < owners.size(); ++o) {
    for_values(owners[o], reducer, levels, [&](const std::byte* value, std::int64_t size) {
      std::int64_t word = 0;
      std::memcpy(&word, value, static_cast<std::size_t>(size));
      words[o].push_back(word);
    });
    requests.push_back(route.comm.isend(words[o], owners[o].owner, k_tag_reduction));
  }
  wait_all(requests);
}

void receive_reduction(const Route& route, const std::vector<OwnerRuns>& owners, Reducer& reducer,
                       std::int64_t levels) {
  for (const OwnerRuns& mine : owners) {
    const std::vector<std::int64_t> words = route.comm.receive(mine.owner, k_tag_reduction);
    auto word = words.begin();
    for_values(mine, reducer, levels, [&](std::byte* value, std::int64_t size) {
      if (word == words.end()) throw_unreadable("a partial reduction is cut off");
      std::memcpy(value, &*word++, static_cast<std::size_t>(size));
    });
  }
}

}  // namespace

void write_restart(const Route& route, const RestartRequest& request, const Reducers& reducers) {
  const std::vector<OwnerRuns> owners = runs_by_owner(route.in);
  const std::vector<std::int64_t> words = to_words(request);
  std::vector<MPI_Request> requests;
  for (const OwnerRuns& mine : owners) requests.push_back(route.comm.isend(words, mine.owner, k_tag_restart));
  wait_all(requests);
  if (!request.kinds.empty()) {
    for (const ReducedField& field : reduced_fields(route, reducers)) {
      send_reduction(route, owners, *field.reducer, field.levels);
    }
  }
  for (const OwnerRuns& mine : owners) route.comm.receive(mine.owner, k_tag_written);
}

bool has_first_point(const Route& route) {
  for (const Message& message : route.in.messages) {
    if (message.pieces.front().position == 0) return true;
  }
  return false;
}

void publish_restart(const Route& route, const std::string& label) {
  RestartRequest request;
  request.publish = true;
  request.label = label;
  for (const Message& message : route.in.messages) {
    if (message.pieces.front().position != 0) continue;
    route.comm.send(to_words(request), message.peer, k_tag_restart);
    route.comm.receive(message.peer, k_tag_written);
  }
}

std::int64_t receive_restart(const Route& route, std::int64_t period, const Reducers& reducers) {
  const std::vector<OwnerRuns> owners = runs_by_owner(route.in);
  RestartRequest set;
  set.step = 0;
  for (const OwnerRuns& mine : owners) set = read_request(route.comm.receive(mine.owner, k_tag_restart));
  const std::vector<ReducedField> fields = reduced_fields(route, reducers);
  if (!set.kinds.empty() && set.kinds.size() != fields.size()) {
    throw_unreadable("a restart set has other reductions than the route");
  }
  for (std::size_t f = 0; f < set.kinds.size(); ++f) {
    fields[f].reducer->restore(set.kinds[f], (set.step - 2) % period);
    receive_reduction(route, owners, *fields[f].reducer, fields[f].levels);
  }
  return set.step;
}

}  // namespace ekman
