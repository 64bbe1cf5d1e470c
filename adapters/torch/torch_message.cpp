// LibTorch's messages carry backtraces of C++ and of TorchScript; one line of them is for users.
#include "adapters/torch/torch_message.hpp"

#include <new>
#include <sstream>

#include "adapters/torch/compat.hpp"

namespace ekman {

namespace {

// The line of LibTorch's message that says what is wrong.
std::string cause_in(const std::exception& error) {
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

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

std::string torch_message(const std::exception& error) {
  const std::string cause = cause_in(error);
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr || contains(cause, "can't allocate memory") ||
      contains(cause, "out of memory")) {
    return cause + " (out of memory: give the ML rank more, put fewer on a node, or take a smaller chunk or tile)";
  }
  if (contains(cause, "maximum supported version"))
    return cause + " (a newer LibTorch wrote it: save it with the one that serves it, or serve it with a newer one)";
  return cause;
}

std::string torch_reason(const std::exception& error) {
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& reason) {
    return torch_message(reason);
  }
  return torch_message(error);
}

}  // namespace ekman
