// Any bytes in place of a message header, or of a message of set-up, are refused with an Error, or are the
// bytes of what is read from them.
#include "tests/fuzz/wire.hpp"

#include <cstring>

#include "coupler/exchange/wire.hpp"
#include "coupler/session/definitions.hpp"
#include "ekman/error.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace ekman;

void check_header(const Values& header) {
  if (header.size() * sizeof(std::int64_t) != k_travelling_header_bytes) return;
  const std::int64_t step = checked_step(header[0]);
  require_promise(step >= 1 || step == k_end_of_run, "a header has a step, or says that the run ends");
  require_promise(checked_given_up(header[1]) >= 0, "a header has a number of points");
}

Values written(const std::vector<Piece>& pieces) {
  Values values;
  for (const Piece& piece : pieces) write_piece(piece, values);
  return values;
}

Values written(const std::vector<OwnedPiece>& pieces) {
  Values values;
  for (const OwnedPiece& owned : pieces) write_owned(owned, values);
  return values;
}

void check_ids(const Values& values) {
  const SourceIds read = read_ids(values);
  Values again{read.node};
  again.insert(again.end(), read.ids.begin(), read.ids.end());
  require_promise(again == values, "ids are written as read");
}

void check_pieces(const Values& values) {
  const std::vector<Piece> pieces = read_pieces(values, k_wire_sizes, k_wire_rows);
  require_promise(written(pieces) == values, "pieces are written as read");
}

// This rank owns each chunk but the first: the rows of a piece are rows of its buffers.
void check_owned(const Values& values, bool with_ids) {
  const std::vector<std::int64_t> chunks{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<char> rows(chunks.size() * static_cast<std::size_t>(k_wire_sizes.rows_per_chunk));
  const std::vector<OwnedPiece> pieces = read_owned(values, k_wire_sizes, 1, chunks, with_ids);
  for (const OwnedPiece& owned : pieces)
    for (std::int64_t i = 0; i < owned.piece.count; ++i)
      rows.at(static_cast<std::size_t>(owned.piece.slot * k_wire_sizes.rows_per_chunk +
                                       owned.piece.position % k_wire_sizes.rows_per_chunk + i)) = 1;
  require_promise(written(pieces) == values, "owned pieces are written as read");
}

void check_votes(const std::string& bytes) {
  const std::vector<NodeVote> votes = read_votes(bytes, k_wire_sizes);
  require_promise(write_votes(votes) == bytes, "votes are written as read");
  assign_owners(chunk_count(k_wire_sizes.points, k_wire_sizes.rows_per_chunk), votes, {0, 0, 1});
}

void read(WireKind kind, const std::string& bytes) {
  Values values(bytes.size() / sizeof(std::int64_t));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(std::int64_t));
  switch (kind) {
    case WireKind::header:
      return check_header(values);
    case WireKind::ids:
      return check_ids(values);
    case WireKind::pieces:
      return check_pieces(values);
    case WireKind::owned:
      return check_owned(values, false);
    case WireKind::owned_with_ids:
      return check_owned(values, true);
    case WireKind::votes:
      return check_votes(bytes);
    case WireKind::notice:
      return require_promise(to_values(read_notice(values, 2)) == values, "a notice is written as read");
    case WireKind::definitions:
      return require_promise(write_definitions(read_definitions(bytes)) == bytes, "definitions are written as read");
    case WireKind::problems:
      return require_promise(write_problems(read_problems(bytes)) == bytes, "problems are written as read");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto kind = static_cast<WireKind>(data[0] % k_wire_kinds);
  try {
    read(kind, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  } catch (const Error& error) {
    require_promise(error.code() == ErrorCode::internal, "bytes that are no message are a bug, not misuse");
  }
  return 0;
}
