// How restart sets fit into the exchanges of an ML rank: they are written between two of them, and a run that
// resumes between couplings begins as if the last exchange had just been made. See ml_side.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/engine/guard.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/inline_restart.hpp"
#include "coupler/session/ml_side.hpp"

namespace ekman {

void MlSide::look_for_restart() {
  if (restart_.poll()) {
    if (in_.first_ended() >= 0) fail_restart(in_.first_ended(), k_end_of_run);
    if (in_.last_step() >= restart_.request().step) fail_restart(-1, in_.last_step());
  }
  if (restart_.asker() < 0 || !restart_.all_have_asked()) return;
  if (!all_is_done(restart_.request())) return;
  if (adjoint_ != nullptr && restart_.request().drops) adjoint_->drop();
  const CallScope call(state_, Call::restart);
  restart_.write(learning_.get());
}

// The rows of all exchanges have come, and what was to be done with them is: the loop of serve() does it before it
// waits for more, so that an ML rank which waits comes here with nothing left, or with rows that are still to come.
bool MlSide::all_is_done(const RestartRequest& request) const {
  if (!in_.over(request.exchanges) || !truth_.over(request.exchanges)) return false;
  if (adjoint_ != nullptr && !adjoint_->is_done(request.turns)) return false;
  if (!whole_.empty() || !whole_truths_.empty()) return false;
  return training_ == nullptr || training_->idle();
}

// Rows, or the end of the run, of a rank that should have asked for a restart set.
void MlSide::check_no_restart(int peer, std::int64_t step) const {
  if (restart_.asker() < 0) return;
  if (step != k_end_of_run && step < restart_.request().step) return;  // on their way when the first rank asked
  fail_restart(peer - spec_.ranks, step);
}

void MlSide::fail_restart(int rank, std::int64_t step) const {
  throw Error(ErrorCode::usage,
              fmt::format("ranks of component \"{}\" are out of step in network \"{}\": rank {} called "
                          "write_restart before {}, {} {}; every rank must call it between the same steps",
                          spec_.component, spec_.name, restart_.asker(), clock_.name(restart_.request().step),
                          rank < 0 ? "another" : fmt::format("rank {}", rank),
                          step == k_end_of_run ? "has finalized" : "has put for " + clock_.name(step)));
}

void MlSide::resume(const Job& job) {
  if (job.plan.resume.empty()) return;
  std::string problem;
  bool opened = false;
  try {
    opened = restart_.open(job.plan.resume);
    if (opened && learning_ != nullptr) resume_learning();
  } catch (const std::exception& error) {
    problem = fmt::format("network \"{}\": {}", spec_.name, error.what());
  }
  agree(job.all, ErrorCode::plan, problem);
  std::vector<std::pair<int, std::int64_t>> steps;
  const auto number = static_cast<int>(&spec_ - job.plan.networks.data());
  if (opened) steps.push_back({number, restart_.set().step});
  agree(job.all, ErrorCode::plan, compare_restart_steps(job, steps));
  if (opened) {
    restart_.restore();
    send_kept(restart_.set().exchanges_kept());
    if (!route_.chunks.empty() && route_.chunks.front() == 0) {
      log_line(fmt::format("network \"{}\" goes on at {}, from {}", spec_.name, clock_.name(restart_.set().step),
                           restart_.path()));
    }
  }
  agree(job.all, ErrorCode::usage, "");  // the components have compared their own steps
}

// A run that did not train may be followed by one that does: to train from a spun-up state is no mistake.
void MlSide::resume_learning() {
  if (restart_.set().learning.given) return learning_->restore(restart_.reader());
  if (route_.chunks.front() != 0) return;
  log_line(
      fmt::format("network \"{}\" begins to learn here, with the parameters that the plan gives it: restart set {} "
                  "was written without `training`",
                  spec_.name, restart_.path()));
}

// The last exchanges before the cut, as if they had been made here: they count as the first ones on both sides.
void MlSide::send_kept(std::int64_t exchanges) {
  in_.count_exchanges(exchanges);
  truth_.count_exchanges(exchanges);
  for (std::int64_t exchange = 0; exchange < exchanges; ++exchange) {
    for (std::size_t slot = 0; slot < route_.chunks.size(); ++slot) {
      route_.copy_results(spec_, static_cast<std::int64_t>(slot), exchange);
    }
    for (const Message& message : route_.out.messages) {
      MessageHeader& header = message.header_of(exchange);
      header.given_up = count_given_up(message, exchange);
      if (learning_ != nullptr) header.learning = learning_->told(exchanges - exchange);
    }
    out_.send_all();
  }
}

std::int64_t MlSide::count_given_up(const Message& message, std::int64_t exchange) const {
  std::int64_t count = 0;
  for (const Piece& piece : message.pieces) {
    const std::int64_t first = piece.slot * spec_.rows_per_chunk() + piece.position % spec_.rows_per_chunk();
    const std::byte* row = route_.out.row(first, exchange);
    for (std::int64_t i = 0; i < piece.count; ++i, row += route_.out.row_bytes) {
      for (const FieldSlot& field : route_.out.layout.fields) {
        if (is_given_up(row + field.offset * real_size(spec_.wire), spec_.wire)) ++count;
      }
    }
  }
  return count;
}

}  // namespace ekman
