// What a component tells of its points and fields for recordings: coordinates, units. See component_side.hpp.
#include <fmt/format.h>

#include <cmath>

#include "coupler/base/joined.hpp"
#include "coupler/session/array_values.hpp"
#include "coupler/session/component_side.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

// Degrees of the slots that are points must lie in [-most, most].
std::vector<double> degrees_of(const ArrayView& array, const char* what, double most,
                               const std::vector<std::int64_t>& ids) {
  std::vector<double> values;
  if (array.kind == ElementKind::real32) {
    append_values<float>(array, values);
  } else if (array.kind == ElementKind::real64) {
    append_values<double>(array, values);
  } else {
    misuse(fmt::format("{} must be real32 or real64; pass an array of such a kind", what));
  }
  if (values.size() != ids.size())
    misuse(fmt::format("{} has {} values, but its point set has {} slots; give one for each global id", what,
                       values.size(), ids.size()));
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    if (ids[slot] < 0 || std::abs(values[slot]) <= most) continue;
    misuse(fmt::format("{} of global id {} is {}; give it in degrees, from {} to {}", what, ids[slot], values[slot],
                       -most, most));
  }
  return values;
}

}  // namespace

void ComponentSide::def_coordinates(const ArrayView& longitude, const ArrayView& latitude, const std::string& points) {
  require(Phase::define, "def_coordinates");
  const auto set = points_.find(points);
  if (set == points_.end())
    misuse(
        fmt::format("coordinates are for the point set \"{}\", which is not defined (defined: {}); call def_points "
                    "before def_coordinates",
                    points, names_of(points_)));
  if (coordinates_.count(points) != 0)
    misuse(fmt::format("the coordinates of point set \"{}\" are defined twice; define them once", points));
  constexpr double k_most_longitude = 360.0, k_most_latitude = 90.0;
  Coordinates& coordinates = coordinates_[points];
  coordinates.longitude = degrees_of(longitude, "longitude", k_most_longitude, set->second);
  coordinates.latitude = degrees_of(latitude, "latitude", k_most_latitude, set->second);
}

// `all`: the definitions, completed. Collective over the route, if the plan records of it.
void ComponentSide::describe(const NetworkSpec& spec, const Definitions& all, const std::vector<std::int64_t>& ids,
                             const Route& route) const {
  const std::vector<std::string> fields = recorded_fields_of(job_.plan, spec);
  if (fields.empty()) return;
  std::vector<std::string> units;
  for (const std::string& field : fields) units.push_back(all.at(field).units);
  const auto found = coordinates_.find(all.at(fields_of(spec.inputs).front()).points);
  tell_description(route, spec, units, ids, found == coordinates_.end() ? nullptr : &found->second);
}

}  // namespace ekman
