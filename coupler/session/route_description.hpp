// What a recording says of rows besides their values: units of fields, coordinates of points. Component ranks tell it
// the ML ranks at enddef, if the plan records.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/session/route_setup.hpp"

namespace ekman {

// Degrees east and north of all slots of a point set on one rank, in array order.
struct Coordinates {
  std::vector<double> longitude, latitude;
};

struct RouteDescription {
  std::vector<std::string> units;  // of each field that is recorded
  // Of each row of each chunk of this ML rank, as Route::ids, but without pads; empty if they are not given.
  std::vector<double> longitude, latitude;
};

// Collective over route.comm, one on each side. `units`: of recorded_fields_of(), the same on all component ranks;
// `coordinates` of the slots of `ids`, or null. Coordinates that are not given on all ranks are left out, with a line.
void tell_description(const Route& route, const NetworkSpec& spec, const std::vector<std::string>& units,
                      const std::vector<std::int64_t>& ids, const Coordinates* coordinates);
RouteDescription hear_description(const Route& route, const NetworkSpec& spec);

}  // namespace ekman
