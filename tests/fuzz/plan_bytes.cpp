// Any bytes are refused with an Error, or are the bytes of the plan that is read from them.
#include <string>

#include "coupler/plan/plan.hpp"
#include "ekman/error.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    ekman::require_promise(ekman::serialise(ekman::deserialise(bytes)) == bytes, "bytes of a plan are written as read");
  } catch (const ekman::Error& error) {
    ekman::require_promise(error.code() == ekman::ErrorCode::internal, "bytes that are no plan are a bug, not misuse");
  }
  return 0;
}
