// Implements study.hpp.
#include "coupler/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ekman {

namespace {

// Lists that advance as one: those of `together`, and each other one alone. In the order of the study.
std::vector<std::vector<std::size_t>> groups_of(const Study& study) {
  std::vector<std::vector<std::size_t>> groups;
  std::vector<bool> seen(study.values.size(), false);
  for (std::size_t place = 0; place < study.values.size(); ++place) {
    if (seen[place]) continue;
    std::vector<std::size_t> group{place};
    for (const std::vector<std::size_t>& together : study.together)
      if (std::find(together.begin(), together.end(), place) != together.end()) group = together;
    for (const std::size_t member : group) seen[member] = true;
    groups.push_back(group);
  }
  return groups;
}

std::size_t length_of(const Study& study, const std::vector<std::size_t>& group) {
  return study.values[group.front()].texts.size();
}

// The last `parts` parts of a path.
std::string ending(const std::string& path, std::size_t parts) {
  std::size_t cut = path.size();
  while (parts-- > 0 && cut != std::string::npos && cut > 0) cut = path.rfind('.', cut - 1);
  return cut == std::string::npos || cut == 0 ? path : path.substr(cut + 1);
}

}  // namespace

std::size_t count_points(const Study& study) {
  std::size_t count = 1;
  for (const std::vector<std::size_t>& group : groups_of(study)) {
    count *= std::max<std::size_t>(length_of(study, group), 1);
    if (count > k_most_points) return count;
  }
  return count;
}

std::vector<Choice> points_of(const Study& study) {
  std::vector<Choice> points{Choice(study.values.size(), 0)};
  for (const std::vector<std::size_t>& group : groups_of(study)) {
    std::vector<Choice> longer;
    for (const Choice& point : points)
      for (std::size_t i = 0; i < length_of(study, group); ++i) {
        longer.push_back(point);
        for (const std::size_t place : group) longer.back()[place] = i;
      }
    points = std::move(longer);
  }
  return points;
}

std::string short_name(const Study& study, std::size_t place) {
  const std::string& name = study.values[place].name;
  if (!study.values[place].is_plan_key) return name;
  for (std::size_t parts = 1;; ++parts) {
    const std::string end = ending(name, parts);
    const auto same = std::count_if(study.values.begin(), study.values.end(), [&](const StudyValues& other) {
      return other.name.size() >= end.size() &&
             other.name.compare(other.name.size() - end.size(), end.size(), end) == 0;
    });
    if (same == 1 || end == name) return end;
  }
}

std::string words_of(const Study& study, const Choice& choice, const std::vector<bool>& wanted) {
  std::string words;
  for (std::size_t place = 0; place < choice.size(); ++place) {
    if (!wanted.empty() && !wanted[place]) continue;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", short_name(study, place),
                         study.values[place].texts[choice[place]]);
  }
  return words;
}

std::string line_of(const Study& study, const Choice& choice) {
  std::vector<bool> wanted(study.values.size(), true);
  if (const std::optional<std::size_t> ranks = place_of(study, study.ranks)) {
    wanted[*ranks] = false;
    for (const std::vector<std::size_t>& group : study.together)
      if (std::find(group.begin(), group.end(), *ranks) != group.end())
        for (const std::size_t member : group) wanted[member] = false;
  }
  if (study.ranks == "ml_ranks")
    for (std::size_t place = 0; place < wanted.size(); ++place)
      if (study.values[place].is_plan_key && ending(study.values[place].name, 1) == "ranks") wanted[place] = false;
  if (std::none_of(wanted.begin(), wanted.end(), [](bool any) { return any; })) return "";
  return words_of(study, choice, wanted);
}

std::optional<std::size_t> place_of(const Study& study, const std::string& name) {
  for (std::size_t place = 0; place < study.values.size(); ++place)
    if (study.values[place].name == name) return place;
  return std::nullopt;
}

bool is_seed(const Study& study, std::size_t place) { return ending(study.values[place].name, 1) == "seed"; }

}  // namespace ekman
