// What the ML ranks of a network add up before an optimizer step: sums and gradients of all chunks.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coupler/comm/communicator.hpp"
#include "coupler/comm/node_sum.hpp"
#include "coupler/engine/chunk_tree.hpp"
#include "coupler/engine/learner.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// What of a network's learning is in no LearnedState, because it is of one rank or between two steps: for restart sets.
struct LearningParts {
  std::int64_t exchanges = 0;  // whose targets have come; with a tape: emptied tapes
  std::int64_t summed = 0;     // of them, the last ones: in `sums` and `gradient`
  bool whole = false;          // these are of all ranks, not of this one
  std::vector<double> sums;    // empty: nothing is summed here
  std::vector<std::byte> gradient;
};

// Fast: each rank adds up as it learns, and the ranks add up once a step. With `reproducible: bfb`: chunk by chunk
// along a tree, and round by round (exchanges, or passes of adjoints), so that no decomposition changes a bit.
class GradientSum {
 public:
  // Collective over the learners. All must outlive it. `learners` are the ranks that own chunks, of which there are
  // `chunks`.
  GradientSum(const Communicator& learners, std::int64_t chunks, Reproducible reproducible, Learner& learner,
              bool shared_cores, StateWriter& state);

  // The learner has added what one chunk gives in this round.
  void add(std::int64_t chunk);
  // Collective over the learners with bfb, else local. All chunks of the round are added.
  void end_round();
  // Collective over the learners. Afterwards the learner holds the sums and the gradient of all.
  void add_up();
  // Forgets what was added since the last step.
  void drop();

  // What was added since the last step, in finished rounds: those of `summed` of `exchanges`.
  LearningParts parts(std::int64_t exchanges, std::int64_t summed) const;
  // The same put back, when nothing else was added.
  void restore(const LearningParts& parts);

 private:
  bool by_chunk() const { return tree_ != nullptr; }
  std::int64_t gradient_bytes() const { return learner_.gradient_size() * real_size(learner_.gradient_kind()); }
  void sum_alike(std::byte* values, std::int64_t count, bool is_double);
  void drop_rounds();
  template <class T>
  void add_round(const std::vector<std::byte>& gradient);

  const Communicator& learners_;
  Learner& learner_;
  bool shared_cores_;
  StateWriter& state_;
  NodeSum on_node_;                  // not with bfb; none where learners are on several nodes
  std::unique_ptr<ChunkTree> tree_;  // bfb only, as what follows
  std::vector<std::byte> gradient_;  // of all rounds since the last step
  std::vector<double> sums_;
};

}  // namespace ekman
