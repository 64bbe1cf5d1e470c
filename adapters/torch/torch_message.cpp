// LibTorch's messages carry backtraces of C++ and of TorchScript; one line of them is for users.
#include "adapters/torch/torch_message.hpp"

#include <sstream>

#include "adapters/torch/compat.hpp"

namespace ekman {

std::string torch_message(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  std::istringstream lines(text);
  std::string first;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (first.empty()) first = line;
    // The interpreter puts the cause behind its traceback, at the start of a line: "RuntimeError: mat1 and
    // ...".
    const std::size_t cause = line.find("Error: ");
    if (cause != std::string::npos && line.find(' ') > cause) return line.substr(cause + 7);
  }
  return first.empty() ? "no message" : first;
}

}  // namespace ekman
