// A list in one text.
#pragma once

#include <fmt/format.h>

#include <string>

namespace ekman {

// "a, b, c" of texts or numbers, with ", " between them.
template <class Items>
std::string joined(const Items& items, const char* between) {
  std::string text;
  bool first = true;
  for (const auto& item : items) {
    text += fmt::format("{}{}", first ? "" : between, item);
    first = false;
  }
  return text;
}

// The keys of a map, each in quotes; "none" if there are none.
template <class Map>
std::string names_of(const Map& map) {
  std::string names;
  for (const auto& entry : map) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", entry.first);
  return names.empty() ? "none" : names;
}

}  // namespace ekman
