// The heavy part of fmt, compiled once: header-only it costs each file that formats five seconds, two thirds of a
// build. What the other files need of it is inline here; an address that is taken makes the compiler keep it for them.
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

namespace {

[[gnu::used]] std::string (*const k_format)(fmt::string_view, fmt::format_args) = &fmt::vformat;
[[gnu::used]] void (*const k_assert)(const char*, int, const char*) = &fmt::detail::assert_fail;

}  // namespace
