// The one guard between C++ exceptions and the codes of C and Fortran.
#pragma once

#include <cstdint>
#include <new>
#include <string>

#include "coupler/session/agree.hpp"
#include "ekman/coupler.hpp"

// The handle that C and Fortran hold.
struct ekman_coupler {
  ekman::Coupler coupler;
};

namespace ekman {

// This thread's last error.
std::string& last_error();

// A step that a model names, which may not be left out.
inline std::int64_t require_step(std::int64_t step) {
  if (step < 1)
    throw Error(ErrorCode::usage,
                "enddef was told that the next step is " + std::to_string(step) + "; steps count from 1");
  return step;
}

// The variable that `text` goes to, named `name`, holds `room` characters.
inline void require_room(const std::string& name, const std::string& text, std::int64_t room) {
  if (static_cast<std::int64_t>(text.size()) <= room) return;
  throw Error(ErrorCode::usage, "get_string of \"" + name + "\": the text has " + std::to_string(text.size()) +
                                    " characters, and there is room for " + std::to_string(room) +
                                    "; pass a longer one");
}

// What a failed call does when its caller did not ask for the code: one line on stderr, then the end of the
// job.
[[noreturn]] void fail_job(bool printed);

// Runs `call` and returns 0, or keeps the sentence in last_error() and returns the error's code. `printed`,
// if given, says whether the sentence is on stderr already.
template <class Call>
int guard_boundary(Call call, bool* printed = nullptr) {
  try {
    call();
    return 0;
  } catch (const PrintedError& error) {
    if (printed != nullptr) *printed = true;
    last_error() = error.what();
    return static_cast<int>(error.code());
  } catch (const Error& error) {
    last_error() = error.what();
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    last_error() = "out of memory on this rank; run it on fewer ranks a node, or on nodes with more";
    return static_cast<int>(ErrorCode::internal);
  } catch (const std::exception& error) {
    last_error() = error.what();
    return static_cast<int>(ErrorCode::internal);
  }
}

}  // namespace ekman
