// What an ML rank sets and asks of its process, whatever runs the network.
#pragma once

#include <string>

namespace ekman {

// Keeps glibc from giving activations back to the kernel after each forward. Once, at the start of an ML
// rank.
void tune_process();

// Cores that this process may use: those that the launcher bound it to, or all of the node.
int cores_allowed();

// One sentence if so many threads are more than the cores; else empty.
std::string binding_warning(int threads, int cores);

}  // namespace ekman
