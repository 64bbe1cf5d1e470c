// One line to stderr from any rank, written whole so that lines of ranks do not mix.
#pragma once

#include <string>

namespace ekman {

// "ekman: <text>\n" in one write.
void log_line(const std::string& text);

}  // namespace ekman
