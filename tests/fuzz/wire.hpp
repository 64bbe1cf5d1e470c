// The form of inputs of the target `wire`: what is read, the sizes that this rank knows, the bytes that
// arrive.
#pragma once

#include <cstdint>
#include <string>

#include "coupler/exchange/set_up_messages.hpp"

namespace ekman {

enum class WireKind : std::uint8_t { header, ids, pieces, owned, owned_with_ids, votes, notice, definitions, problems };
inline constexpr std::uint8_t k_wire_kinds = 9;

inline constexpr SetUpSizes k_wire_sizes{100, 8, 3, 4};
inline constexpr std::int64_t k_wire_rows = 12;  // that the source of `pieces` asked for

inline std::string wire_input(WireKind kind, const std::string& bytes) { return static_cast<char>(kind) + bytes; }

}  // namespace ekman
