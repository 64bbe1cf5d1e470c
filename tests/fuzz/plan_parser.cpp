// Any text is a plan that is whole, or is refused with lines that begin with file, line and column. Nothing
// else escapes.
#include <algorithm>
#include <sstream>
#include <string>

#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/plan/plan.hpp"
#include "ekman/error.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using ekman::require_promise;

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// plan.yaml:12:5: error: ...
bool is_error_line(const std::string& line) {
  const std::string file = "plan.yaml:";
  if (line.compare(0, file.size(), file) != 0) return false;
  const auto line_end = std::find_if_not(line.begin() + static_cast<std::ptrdiff_t>(file.size()), line.end(), is_digit);
  if (line_end == line.end() || *line_end != ':') return false;
  const auto column_end = std::find_if_not(line_end + 1, line.end(), is_digit);
  return line.compare(static_cast<std::size_t>(column_end - line.begin()), 9, ": error: ") == 0;
}

bool is_control(char character) { return static_cast<unsigned char>(character) < 0x20 || character == 0x7f; }

void check_error(const ekman::Error& error) {
  require_promise(error.code() == ekman::ErrorCode::plan, "a text that is no plan is an error of the plan");
  std::istringstream lines(error.what());
  int num_lines = 0;
  for (std::string line; std::getline(lines, line); ++num_lines) {
    require_promise(is_error_line(line), "each line of an error begins with file, line and column");
    require_promise(std::none_of(line.begin(), line.end(), is_control), "no control character reaches the terminal");
  }
  require_promise(num_lines >= 1 && num_lines <= 101, "there is a line, and not more than people read");
}

void check_plan(const ekman::Plan& plan) {
  require_promise(ekman::cross_check(plan).empty(), "a plan that was read has no problems");
  const std::string bytes = ekman::serialise(plan);
  require_promise(ekman::serialise(ekman::deserialise(bytes)) == bytes, "a plan comes back from its bytes");
  for (const ekman::NetworkSpec& network : plan.networks) {
    require_promise(network.is_inline() ? network.ranks == 0 : network.ranks >= 1, "a network has a place to run");
    require_promise(ekman::steps_between_exchanges(plan, network) >= 1, "exchanges are steps apart");
    require_promise(network.rows_per_chunk() >= 1, "a chunk has rows");
    for (const std::int64_t step : {std::int64_t{1}, INT64_MAX})
      require_promise(!ekman::step_clock(plan, network.component).name(step).empty(), "each step has a name");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check_plan(ekman::parse_plan(std::string(reinterpret_cast<const char*>(data), size), "plan.yaml"));
  } catch (const ekman::Error& error) {
    check_error(error);
  }
  return 0;
}
