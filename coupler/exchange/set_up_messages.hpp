// What the ranks of a route tell each other at enddef, as the values that travel, and the readers of them. A
// reader takes any values: what does not fit what this rank knows throws Error(internal), before anything is
// indexed by it. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coupler/layout/layout.hpp"

namespace ekman {

using Values = std::vector<std::int64_t>;

// The sizes of a route that every rank knows by the time of these messages.
struct SetUpSizes {
  std::int64_t points = 0;  // all ranks together
  std::int64_t rows_per_chunk = 1;
  int owners = 1;   // ML ranks
  int sources = 0;  // component ranks
};

// A source to a directory: the source's node, and its ids that belong there, ascending.
struct SourceIds {
  int node = 0;
  std::vector<std::int64_t> ids;
};
SourceIds read_ids(const Values& values);

// A directory to a source: its pieces, ascending, together `rows` rows, as many as the source sent ids.
void write_piece(const Piece& piece, Values& to);
std::vector<Piece> read_pieces(const Values& values, const SetUpSizes& sizes, std::int64_t rows);

// A directory to an owner: pieces of all sources, the global ids of the rows of each behind it.
struct OwnedPiece {
  int source = 0;
  Piece piece;
  std::vector<std::int64_t> ids;
};
void write_owned(const OwnedPiece& owned, Values& to);
// `chunks[slot]`: the chunks of this owner, whose rank is `owner`. `with_ids`: false for pieces alone.
std::vector<OwnedPiece> read_owned(const Values& values, const SetUpSizes& sizes, int owner,
                                   const std::vector<std::int64_t>& chunks, bool with_ids);

// An ML rank to all others: how many rows of which chunk lie on which node.
std::string write_votes(const std::vector<NodeVote>& votes);
std::vector<NodeVote> read_votes(const std::string& bytes, const SetUpSizes& sizes);

// The directions of a route: inputs, outputs, what the network learns from, adjoints of outputs, adjoints of inputs.
inline constexpr int k_directions = 5;

// How an owner tells a source where its messages lie.
struct SegmentNotice {
  std::int64_t through_window = 0;
  std::int64_t node_rank = 0;  // owner's rank in the route's node communicator
  // Of each direction: index of the source's first header, bytes from the segment's start to the chunk buffers.
  std::array<std::int64_t, k_directions> header{};
  std::array<std::int64_t, k_directions> offset{};
  // Of a network with lag, which has all headers and buffers twice: bytes from the first ones to the second; else 0.
  std::int64_t second = 0;
};
Values to_values(const SegmentNotice& notice);
// `node_ranks`: the size of the source's node communicator, which is the owner's too if the window is used.
SegmentNotice read_notice(const Values& values, std::int64_t node_ranks);

// Texts of any characters, as one.
std::string join_texts(const std::vector<std::string>& texts);
std::vector<std::string> split_texts(const std::string& bytes);

}  // namespace ekman
