// What an ML rank sets in its process, whatever runs the network, and what every rank asks of its own.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// Keeps glibc from giving activations back to the kernel after each forward. Once, at the start of an ML
// rank.
void tune_process();

// Cores that this process may use: those that the launcher bound it to, or all of the node.
int cores_allowed();

// Their numbers on the node; none if there are more than can be told.
std::vector<int> numbers_of_cores_allowed();

// Has OpenMP give each thread a core of its own, if there are several threads and as many cores, and the environment
// says nothing of it. Of use before the first library with OpenMP is loaded; the calling thread then has one core too.
void bind_threads(int threads, int cores);

// One sentence if so many threads are more than the cores; else empty.
std::string binding_warning(int threads, int cores);

}  // namespace ekman
