// The words of a wait report: one rank, one wait, one thing done. Pure.
#pragma once

#include <string>

#include "coupler/session/wait_report.hpp"

namespace ekman {

// component "air", rank 1; ML rank 0 (network "echo").
std::string rank_words(const Scene& scene, const RankState& rank);
// A rank that is not among scene.ranks: the peer of `waiting`, or a late rank.
std::string unseen_ml_words(const Scene& scene, int network, int place);
std::string unseen_component_words(const Scene& scene, int network, std::int64_t rank);

// since 14:03:05 (2.1 s)
std::string since_words(const Scene& scene, std::int64_t since);

// waits in get of "dt" in step 3 for <target>, since ...
std::string wait_words(const Scene& scene, const RankState& rank, const std::string& target);

// in its own code, outside Ekman, since ..., after put of "t" in step 3
std::string doing_words(const Scene& scene, const RankState& rank);

// Inputs that network `n` still wants from a component rank, as far as the record tells: ` and has not put
// "s" in step 3`; empty: unknown.
std::string missing_words(const Scene& scene, const RankState& ml, const RankState& component);

}  // namespace ekman
