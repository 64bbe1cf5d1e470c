// The one line of a LibTorch exception that says something to a user.
#pragma once

#include <exception>
#include <string>

namespace ekman {

// The message without backtrace, and without the TorchScript traceback if there is one.
std::string torch_message(const std::exception& error);

// The same of the LibTorch exception that `error` was made of, if it is nested there.
std::string torch_reason(const std::exception& error);

}  // namespace ekman
