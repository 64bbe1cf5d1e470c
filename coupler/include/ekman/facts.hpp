// What a coupler knows of its fields and tapes, for those who build graphs over exchanges, as libekman_tensor does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ekman/array_view.hpp"

namespace ekman {

// A field as this rank has defined it, and what networks do with it.
struct FieldFacts {
  std::string axes;  // "p", "pl", ...
  std::int64_t slots = 0;
  std::int64_t levels = 1;
  ElementKind travels_as = ElementKind::real64;  // the kind of its values in messages, if a network has it as output
  std::string output_of;                         // a network; "": of none
  std::vector<std::string> inputs_of;            // networks
};

// A network with a `tape`, whose exchanges take adjoints.
struct TapeFacts {
  std::string network;
  std::vector<std::string> inputs, outputs;  // fields
  std::int64_t length = 0;                   // exchanges that there may be on it
  bool has_points = false;                   // on this rank; without, it has no part in exchanges, nor in `steps`
  // Model steps of the exchanges on the tape, the last one taken off first; that of this step too, once all its inputs
  // are put.
  std::vector<std::int64_t> steps;
};

}  // namespace ekman
