// One line to stderr from any rank, written whole so that lines of ranks do not mix.
#pragma once

#include <cstdint>
#include <string>

namespace ekman {

// "ekman: <text>\n" in one write. Takes the live line away first.
void log_line(const std::string& text);

// Shows "ekman: <text>", cut to the width of the terminal, in place of the live line before; "" takes it away. Nothing
// happens where stderr is no terminal.
void live_line(const std::string& text);

// "[#####     ]", for a live line. Of nothing to do all is done.
std::string progress_bar(std::int64_t done, std::int64_t all);

// Returns when whoever reads standard error from the other end of a pipe, a launcher for instance, has taken what was
// written, or after a second: a job that is ended before that may lose it.
void await_reader();

// Whether stderr is a terminal; mpirun of Open MPI gives ranks a pipe.
bool stderr_is_terminal();

}  // namespace ekman
