// The set-up of one network's route at enddef, told for both sides: definitions are compared, ids become pieces,
// pieces become messages, buffers and requests are made. Protocol and order of messages: DESIGN.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coupler/comm/bell.hpp"
#include "coupler/comm/communicator.hpp"
#include "coupler/comm/persistent.hpp"
#include "coupler/comm/window.hpp"
#include "coupler/engine/engine.hpp"
#include "coupler/exchange/set_up_messages.hpp"
#include "coupler/exchange/wire.hpp"
#include "coupler/layout/layout.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// What a component rank brings, which compare_definitions has passed: its global ids (negative: no point) in array
// order, and levels of each field of the route (inputs, outputs, then truth).
struct RouteDefinition {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> levels;
  std::vector<bool> gets;  // by output field: whether it is defined, and goes back
};

// A message as both sides see it: its header, the rows it carries, and its request if it crosses nodes.
struct Message {
  MessageHeader* header = nullptr;
  int request = -1;      // index in the PersistentList of its direction; -1: through the window
  int peer = 0;          // rank in the route communicator
  Bell* bell = nullptr;  // of the peer, which may sleep until this rank writes to the header
  std::vector<Piece> pieces;
  std::int64_t rows = 0;
  // Header and rows may be there twice; exchanges with odd numbers then take the second ones. With lag on both sides
  // and both ways, or the outputs of one exchange could not be read while the next one runs. Across nodes, to ML ranks,
  // on component ranks always, so that an exchange can be packed while the one before is still on its way.
  int second_request = -1;
  std::int64_t second = 0;  // bytes from the first ones to the second

  MessageHeader& header_of(std::int64_t exchange) const {
    return *reinterpret_cast<MessageHeader*>(reinterpret_cast<std::byte*>(header) + exchange % 2 * second);
  }
  int request_of(std::int64_t exchange) const {
    return second_request >= 0 && exchange % 2 != 0 ? second_request : request;
  }
};

// A stretch of array slots whose rows lie one after the other in one message.
struct Run {
  std::int64_t slot = 0;
  std::int64_t count = 0;
  int message = 0;
  std::byte* row = nullptr;
};

// One direction of a route on one rank.
struct Direction {
  RowLayout layout;
  std::int64_t row_bytes = 0;
  std::vector<Message> messages;
  std::vector<Run> runs;         // component ranks, ascending by slot
  std::byte* buffers = nullptr;  // ML ranks, and inline: chunk buffers, slot after slot
  std::int64_t second = 0;       // ML ranks, with lag: bytes to those of exchanges with odd numbers; else 0
  PersistentList requests;
  bool to_ml = true;  // the component's ranks send
  bool used = false;  // messages travel, if only their headers

  // ML ranks: exchanges that are in the buffers at a time.
  int depth() const { return second > 0 ? 2 : 1; }
  // ML ranks: a row of the buffers, counted from that of slot 0.
  std::byte* row(std::int64_t number, std::int64_t exchange) const {
    return buffers + exchange % 2 * second + number * row_bytes;
  }
};

// What a network returns, on its ML ranks: rows of all its outputs, slot after slot.
struct Results {
  RowLayout layout;
  std::int64_t row_bytes = 0;
  std::byte* rows = nullptr;  // the buffers of `out`, if all outputs go back
  std::int64_t second = 0;    // as of a Direction

  std::byte* row(std::int64_t number, std::int64_t exchange) const {
    return rows + exchange % 2 * second + number * row_bytes;
  }
};

// What enddef leaves on a rank. The memory behind headers and rows is in `window` or `heap`.
struct Route {
  Communicator comm;
  Communicator node;
  Communicator learners;     // ML ranks: those of the network that own chunks; empty on the others
  std::int64_t node_id = 0;  // least rank of `comm` on this node
  SharedWindow window;
  Bells bells;           // of the ranks of `node`; none unless they share cores
  Bell* bell = nullptr;  // of this rank: all that it waits for in this route comes through the window
  std::vector<std::vector<std::byte>> heap;
  std::int64_t points = 0;           // all ranks together
  std::vector<std::int64_t> chunks;  // ML ranks: the chunks owned, ascending; inline: tiles with rows of this rank
  std::vector<std::int64_t> ids;  // of the same: the global id of each row of each slot; -1: a pad, or another rank's
  std::vector<int> owners;        // ML ranks: the ML rank that owns each chunk
  Direction in;
  Results results;
  Direction out;          // of `results` what the component has defined; its headers travel in any case
  Direction truth;        // truth_fields_of(): targets, weights; without fields if there are none
  Direction adjoint_in;   // of outputs, to the ML ranks; without fields if the plan has no tape
  Direction adjoint_out;  // of inputs, to the component

  // Collective over `node`, once, when all messages are there: ranks that share cores may sleep in their waits.
  void hang_bells(const NetworkSpec& spec, bool shared_cores);
  // In the order of the list in set_up_messages.hpp.
  std::array<Direction*, k_directions> directions() { return {&in, &out, &truth, &adjoint_in, &adjoint_out}; }
  // ML ranks: rows of a slot that hold points: the first ones, since points are sorted positions without gaps.
  std::int64_t rows_of(const NetworkSpec& spec, std::int64_t slot) const;
  // ML ranks: what goes back of the results of a slot, to where it leaves from.
  void copy_results(const NetworkSpec& spec, std::int64_t slot, std::int64_t exchange);
  // ML ranks: points in the chunks owned.
  std::int64_t points_here(const NetworkSpec& spec) const;
};

// Collective over `comm` (see split_route), one on each side.
Route make_component_route(Communicator comm, const NetworkSpec& spec, const RouteDefinition& mine);
Route make_ml_route(Communicator comm, const NetworkSpec& spec);
// Collective over `comm`, the ranks of the component. Of a network that runs inline, in tiles of `tile` rows.
Route make_inline_route(Communicator comm, const NetworkSpec& spec, const RouteDefinition& mine, std::int64_t tile);

}  // namespace ekman
