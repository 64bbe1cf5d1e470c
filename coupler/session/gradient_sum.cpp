// Implements gradient_sum.hpp.
#include "coupler/session/gradient_sum.hpp"

#include <algorithm>
#include <cstring>

namespace ekman {

GradientSum::GradientSum(const Communicator& learners, std::int64_t chunks, Reproducible reproducible, Learner& learner,
                         bool shared_cores, StateWriter& state)
    : learners_(learners), learner_(learner), shared_cores_(shared_cores), state_(state) {
  if (reproducible != Reproducible::bfb) {
    on_node_ = NodeSum(learners, gradient_bytes());
    return;
  }
  const auto num_sums = static_cast<std::int64_t>(learner.sums().size());
  tree_ = std::make_unique<ChunkTree>(chunks, learner.gradient_kind(), learner.gradient_size(), num_sums);
  gradient_.resize(static_cast<std::size_t>(gradient_bytes()));
  sums_.resize(static_cast<std::size_t>(num_sums));
}

void GradientSum::add(std::int64_t chunk) {
  if (!by_chunk()) return;
  tree_->add(chunk, learner_.gradient(), learner_.sums().data());
  learner_.drop();
}

template <class T>
void GradientSum::add_round(const std::vector<std::byte>& gradient) {
  for (std::size_t at = 0; at < gradient.size(); at += sizeof(T)) {
    T sum, value;
    std::memcpy(&sum, gradient_.data() + at, sizeof sum);
    std::memcpy(&value, gradient.data() + at, sizeof value);
    sum += value;
    std::memcpy(gradient_.data() + at, &sum, sizeof sum);
  }
}

// The first learner makes the total: what one rank adds, all get.
void GradientSum::end_round() {
  if (!by_chunk()) return;
  const StageTimer timer(state_.profile(), Stage::reduce);
  const WaitScope waiting(state_, Call::learning_step);
  std::string parts(static_cast<std::size_t>(tree_->num_parts() * tree_->part_size()), '\0');
  tree_->write_parts(reinterpret_cast<std::byte*>(parts.data()));
  const std::vector<std::string> all = learners_.gather(parts, 0, shared_cores_);
  std::vector<std::byte> gradient(gradient_.size());
  std::vector<double> sums(sums_.size());
  if (learners_.rank() == 0) {
    for (std::size_t rank = 1; rank < all.size(); ++rank) {
      tree_->add_parts(reinterpret_cast<const std::byte*>(all[rank].data()),
                       static_cast<std::int64_t>(all[rank].size()) / tree_->part_size());
    }
    tree_->total(gradient.data(), sums.data());
  }
  tree_->clear();
  learners_.broadcast_bytes(gradient.data(), static_cast<std::int64_t>(gradient.size()), 0, shared_cores_);
  learners_.broadcast_bytes(reinterpret_cast<std::byte*>(sums.data()),
                            static_cast<std::int64_t>(sums.size() * sizeof(double)), 0, shared_cores_);
  for (std::size_t i = 0; i < sums.size(); ++i) sums_[i] += sums[i];
  if (learner_.gradient_kind() == Real::float64) {
    add_round<double>(gradient);
  } else {
    add_round<float>(gradient);
  }
}

void GradientSum::add_up() {
  if (by_chunk()) {
    std::memcpy(learner_.gradient(), gradient_.data(), gradient_.size());
    learner_.sums() = sums_;
    drop_rounds();
    return;
  }
  const StageTimer timer(state_.profile(), Stage::reduce);
  const WaitScope waiting(state_, Call::learning_step);
  std::vector<double>& sums = learner_.sums();
  sum_alike(reinterpret_cast<std::byte*>(sums.data()), static_cast<std::int64_t>(sums.size()), true);
  sum_alike(learner_.gradient(), learner_.gradient_size(), learner_.gradient_kind() == Real::float64);
}

void GradientSum::sum_alike(std::byte* values, std::int64_t count, bool is_double) {
  if (on_node_) {
    on_node_.sum(values, count, is_double, shared_cores_);
  } else {
    learners_.sum_alike(values, count, is_double, shared_cores_);
  }
}

void GradientSum::drop_rounds() {
  std::fill(gradient_.begin(), gradient_.end(), std::byte{0});
  std::fill(sums_.begin(), sums_.end(), 0.0);
}

void GradientSum::drop() {
  learner_.drop();
  if (!by_chunk()) return;
  tree_->clear();
  drop_rounds();
}

LearningParts GradientSum::parts(std::int64_t exchanges, std::int64_t summed) const {
  LearningParts parts;
  parts.exchanges = exchanges;
  parts.summed = summed;
  parts.whole = by_chunk();
  if (summed == 0) return parts;
  parts.sums = by_chunk() ? sums_ : learner_.sums();
  const std::byte* gradient = by_chunk() ? gradient_.data() : learner_.gradient();
  parts.gradient.assign(gradient, gradient + gradient_bytes());
  return parts;
}

void GradientSum::restore(const LearningParts& parts) {
  if (parts.sums.empty() && parts.gradient.empty()) return;
  (by_chunk() ? sums_ : learner_.sums()) = parts.sums;
  std::copy(parts.gradient.begin(), parts.gradient.end(), by_chunk() ? gradient_.data() : learner_.gradient());
}

}  // namespace ekman
