// Implements set_up_messages.hpp.
#include "coupler/exchange/set_up_messages.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "coupler/base/bytes.hpp"
#include "coupler/exchange/wire.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_most_bytes = std::int64_t{1} << 48;  // what addresses hold; sums of two cannot overflow
constexpr std::size_t k_piece_values = 4;

void append_values(const Values& values, std::string& to) {
  to.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t));
}

void require(bool holds, const char* what) {
  if (!holds) throw_unreadable(what);
}

bool is_below(std::int64_t value, std::int64_t size) { return value >= 0 && value < size; }

// One chunk holds all of it. Chunks are not more than points, and no slot is greater than its chunk.
void require_piece(const Piece& piece, const SetUpSizes& sizes) {
  require(piece.count >= 1 && piece.count <= sizes.rows_per_chunk, "a piece has no size that a piece can have");
  require(piece.position >= 0 && piece.position <= sizes.points - piece.count, "a piece lies outside the points");
  require(piece.position % sizes.rows_per_chunk <= sizes.rows_per_chunk - piece.count, "a piece lies in two chunks");
  require(is_below(piece.slot, piece.position / sizes.rows_per_chunk + 1), "a slot is greater than its chunk");
}

}  // namespace

SourceIds read_ids(const Values& values) {
  require(!values.empty() && is_below(values[0], std::numeric_limits<int>::max()), "ids without a node");
  require(values.size() == 1 || values[1] >= 0, "a negative id");
  require(std::is_sorted(values.begin() + 1, values.end()), "ids are out of order");
  return {static_cast<int>(values[0]), {values.begin() + 1, values.end()}};
}

void write_piece(const Piece& piece, Values& to) {
  to.insert(to.end(), {piece.position, piece.count, piece.owner, piece.slot});
}

std::vector<Piece> read_pieces(const Values& values, const SetUpSizes& sizes, std::int64_t rows) {
  require(values.size() % k_piece_values == 0, "a piece is cut off");
  std::vector<Piece> pieces;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < values.size(); i += k_piece_values) {
    require(is_below(values[i + 2], sizes.owners), "a piece has an owner that is none");
    const Piece piece{values[i], values[i + 1], static_cast<int>(values[i + 2]), values[i + 3]};
    require_piece(piece, sizes);
    require(piece.position >= end, "pieces are out of order");
    end = piece.position + piece.count;
    rows -= piece.count;
    pieces.push_back(piece);
  }
  require(rows == 0, "pieces have other rows than were asked for");
  return pieces;
}

void write_owned(const OwnedPiece& owned, Values& to) {
  to.insert(to.end(), {owned.source, owned.piece.position, owned.piece.count, owned.piece.slot});
  to.insert(to.end(), owned.ids.begin(), owned.ids.end());
}

std::vector<OwnedPiece> read_owned(const Values& values, const SetUpSizes& sizes, int owner,
                                   const std::vector<std::int64_t>& chunks, bool with_ids) {
  std::vector<OwnedPiece> all;
  for (std::size_t i = 0; i < values.size();) {
    require(values.size() - i >= k_piece_values, "an owned piece is cut off");
    require(is_below(values[i], sizes.sources), "an owned piece has a source that is none");
    OwnedPiece owned{static_cast<int>(values[i]), {values[i + 1], values[i + 2], owner, values[i + 3]}, {}};
    require_piece(owned.piece, sizes);
    const auto slot = static_cast<std::size_t>(owned.piece.slot);
    require(slot < chunks.size() && chunks[slot] == owned.piece.position / sizes.rows_per_chunk,
            "a piece of another owner");
    i += k_piece_values;
    if (with_ids) {
      const auto count = static_cast<std::size_t>(owned.piece.count);
      require(count <= values.size() - i, "the ids of an owned piece are cut off");
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(i);
      owned.ids.assign(first, first + owned.piece.count);
      i += count;
    }
    all.push_back(std::move(owned));
  }
  return all;
}

std::string write_votes(const std::vector<NodeVote>& votes) {
  std::string bytes;
  for (const NodeVote& vote : votes) append_values({vote.chunk, vote.node, vote.rows}, bytes);
  return bytes;
}

std::vector<NodeVote> read_votes(const std::string& bytes, const SetUpSizes& sizes) {
  require(bytes.size() % (3 * sizeof(std::int64_t)) == 0, "a vote is cut off");
  Values values(bytes.size() / sizeof(std::int64_t));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  const std::int64_t chunks = chunk_count(sizes.points, sizes.rows_per_chunk);
  std::vector<NodeVote> votes;
  for (std::size_t i = 0; i < values.size(); i += 3) {
    require(is_below(values[i], chunks), "a vote for a chunk that is none");
    require(is_below(values[i + 1], std::numeric_limits<int>::max()), "a vote for a node that is none");
    require(values[i + 2] >= 1 && values[i + 2] <= sizes.rows_per_chunk, "a vote of more rows than a chunk has");
    votes.push_back({values[i], static_cast<int>(values[i + 1]), values[i + 2]});
  }
  return votes;
}

Values to_values(const SegmentNotice& notice) {
  Values values{notice.through_window, notice.node_rank};
  values.insert(values.end(), notice.header.begin(), notice.header.end());
  values.insert(values.end(), notice.offset.begin(), notice.offset.end());
  values.push_back(notice.second);
  return values;
}

SegmentNotice read_notice(const Values& values, std::int64_t node_ranks) {
  require(values.size() == 3 + 2 * k_directions, "a notice of a segment has another length");
  SegmentNotice notice;
  notice.through_window = values[0];
  notice.node_rank = values[1];
  std::copy_n(values.begin() + 2, k_directions, notice.header.begin());
  std::copy_n(values.begin() + 2 + k_directions, k_directions, notice.offset.begin());
  notice.second = values.back();
  require(notice.through_window == 0 || notice.through_window == 1, "a notice of a segment is of no known kind");
  const bool on_node = notice.through_window == 0 || notice.node_rank < node_ranks;
  require(notice.node_rank >= 0 && on_node, "a segment is on no rank of this node");
  const std::int64_t headers = notice.offset.front() / static_cast<std::int64_t>(sizeof(MessageHeader));
  for (int d = 0; d < k_directions; ++d) {
    require(notice.offset[d] >= (d == 0 ? 0 : notice.offset[d - 1]) && notice.offset[d] < k_most_bytes &&
                notice.offset[d] % 64 == 0,
            "buffers lie outside any segment");
    // A direction that carries nothing has its place behind the others.
    require(notice.header[d] >= (d == 0 ? 0 : notice.header[d - 1]) && notice.header[d] <= headers,
            "headers lie outside their segment");
  }
  const bool is_behind = notice.second >= notice.offset.back() && notice.second < k_most_bytes;
  require(notice.second == 0 || (is_behind && notice.second % 64 == 0), "second buffers lie in the first ones");
  require(notice.header[0] < notice.header[1] && notice.header[1] < headers, "headers lie outside their segment");
  return notice;
}

std::string join_texts(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    append_values({static_cast<std::int64_t>(text.size())}, bytes);
    bytes += text;
  }
  return bytes;
}

std::vector<std::string> split_texts(const std::string& bytes) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < bytes.size();) {
    require(bytes.size() - at >= sizeof(std::int64_t), "the length of a text is cut off");
    const auto size =
        static_cast<std::size_t>(load<std::uint64_t>(reinterpret_cast<const std::byte*>(bytes.data() + at)));
    at += sizeof(std::int64_t);
    require(size <= bytes.size() - at, "a text is cut off");
    texts.push_back(bytes.substr(at, size));
    at += size;
  }
  return texts;
}

}  // namespace ekman
