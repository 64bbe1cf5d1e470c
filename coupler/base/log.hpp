// One line to stderr from any rank, written whole so that lines of ranks do not mix.
#pragma once

#include <string>

namespace ekman {

// "ekman: <text>\n" in one write. Takes the live line away first.
void log_line(const std::string& text);

// Shows "ekman: <text>", cut to the width of the terminal, in place of the live line before; "" takes it away. Nothing
// happens where stderr is no terminal.
void live_line(const std::string& text);

// Whether stderr is a terminal; mpirun of Open MPI gives ranks a pipe.
bool stderr_is_terminal();

}  // namespace ekman
