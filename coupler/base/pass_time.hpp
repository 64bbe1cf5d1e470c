// The clock of stand-ins, and how they let time go by: what plays a model or a network takes as long as that would.
// Both are here alone, so that a simulator with a clock of its own can have them another way.
#pragma once

namespace ekman {

// Seconds since some moment of the past, never less than before.
double seconds_now();

// Returns after `seconds`, never sooner; at once if they are not above 0. `busy`: keeps the core at work, as a network
// on a CPU does; else gives it away but for the last tenth of a millisecond, since sleepers are woken late.
void pass_time(double seconds, bool busy);

// The same, to a moment of seconds_now().
void pass_time_until(double moment, bool busy);

}  // namespace ekman
