// What a restart set has of a network's learning: the owners of chunks pass it to the one that writes the file, and at
// enddef of a run that resumes every owner reads what it needs. The rows of fields are ml_restart.hpp's.
#pragma once

#include <string>
#include <vector>

#include "coupler/engine/learner.hpp"
#include "coupler/restart/restart_store.hpp"
#include "coupler/session/ml_adjoint.hpp"
#include "coupler/session/ml_training.hpp"
#include "coupler/session/route_setup.hpp"

namespace ekman {

// On ranks that own chunks.
class LearningRestart {
 public:
  // All must outlive it. Of `training` and `adjoint` the one that the network has; the other is null.
  LearningRestart(const Route& route, const NetworkSpec& spec, Learner& learner, MlTraining* training,
                  MlAdjoint* adjoint);

  // For the header of the set; the network's description is filled in on the rank that writes.
  RestartLearning describe() const;
  // Together with the other owners, when all of them are idle and have run so many exchanges; `file` is null but on the
  // owner of the first chunk.
  void write(RestartWriter* file, std::int64_t exchanges) const;
  // Of a set with learning. Throws Error if it is not of such a network. On other numbers of ranks the sums are added
  // up on the first one; if they are whole, or shall be, on every one.
  void restore(RestartReader& reader);
  // What the headers of outputs said: of the last exchange (1), and with lag of the one before (2).
  const LearningStatus& told(std::int64_t last) const { return told_[last - 1]; }

 private:
  LearningParts parts() const { return training_ != nullptr ? training_->parts() : adjoint_->parts(); }
  void write_part(RestartWriter* file, const LearningParts& parts) const;
  void write_memory(RestartWriter* file) const;
  LearningParts read_parts(RestartReader& reader) const;
  void add_part(RestartReader& reader, std::int64_t part, LearningParts& to) const;
  void read_memory(RestartReader& reader);
  // Blocks of rank `owner` come to the rank with the file.
  void pass(RestartWriter* file, int owner, const std::vector<RestartBlock>& mine) const;

  const Route& route_;
  const NetworkSpec& spec_;
  Learner& learner_;
  MlTraining* training_;
  MlAdjoint* adjoint_;
  std::vector<int> owners_;  // ranks of the route, ascending
  LearningStatus told_[2];
};

}  // namespace ekman
