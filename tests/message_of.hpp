// What a call says that must fail.
#pragma once

#include <functional>
#include <string>

#include "ekman/error.hpp"

namespace ekman {

// The sentence of the Error that `call` throws, or "no error".
inline std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace ekman
