// Implements run_for_all.hpp.
#include "coupler/command/run_for_all.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>

#include "coupler/base/log.hpp"
#include "coupler/comm/communicator.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/session/agree.hpp"

namespace ekman {

void run_for_all(const std::string& who, const std::function<void()>& work) {
  try {
    work();
    return;
  } catch (const PrintedError&) {
  } catch (const std::bad_alloc&) {
    log_line(
        fmt::format("error: {} on {}: out of memory; `ekman check` says what chunk buffers and networks take: give "
                    "the {} more, put fewer on a node, or take a smaller chunk",
                    who, node_name(), who));
  } catch (const std::exception& error) {
    log_line(fmt::format("error: {} on {}: {}", who, node_name(), error.what()));
  }
  abort_world(1);
}

}  // namespace ekman
