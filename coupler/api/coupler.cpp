// Implements coupler.hpp: a pimpl over ComponentSide that refuses calls after an error.
#include "ekman/coupler.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <utility>

#include "coupler/api/ml_library.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/version.hpp"
#include "coupler/comm/handshake.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/component_side.hpp"

namespace ekman {

const char* version() { return build_version(); }

struct Coupler::Impl {
  Impl(std::string_view component, std::unique_ptr<Watchdog> watchdog, Communicator found, MPI_Comm models)
      : side(std::string(component), std::move(watchdog), std::move(found), models, &ml_functions) {}
  // The watchdog is there before the ranks look for each other.
  Impl(std::string_view component, std::unique_ptr<Watchdog> watchdog, MPI_Comm comm)
      : Impl(component, std::move(watchdog), std::move(handshake(comm, {k_group_name})[0]), comm) {}

  // Runs one call; keeps its error, if any, for the calls that follow.
  template <class Call>
  auto guard(Call call) -> decltype(call()) {
    if (failed.load(std::memory_order_acquire)) {
      const std::lock_guard<std::mutex> lock(mutex);
      throw Error(ErrorCode::usage, failure);
    }
    try {
      return call();
    } catch (const PrintedError& error) {
      printed = true;
      remember(error.what());
      throw;
    } catch (const Error& error) {
      const std::string text = fmt::format("{}: {}", side.whoami(), error.what());
      remember(text);
      throw Error(error.code(), text);
    } catch (const std::exception& error) {
      const std::string text = fmt::format("{}: {}", side.whoami(), error.what());
      remember(text);
      throw Error(ErrorCode::internal, text);
    }
  }

  void remember(const std::string& text) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (failure.empty()) failure = text;
    failed.store(true, std::memory_order_release);
  }

  ComponentSide side;
  std::shared_ptr<void> companion;
  bool finalized = false;
  std::atomic<bool> failed{false};
  std::string failure;   // of the first call that failed
  std::mutex mutex;      // of `failure`
  bool printed = false;  // it was, by the rank that found it
};

namespace {
std::unique_ptr<Watchdog> make_watchdog(std::string_view component) {
  return std::make_unique<Watchdog>(fmt::format("component \"{}\" (rank {} of MPI_COMM_WORLD)", component,
                                                Communicator::borrow(MPI_COMM_WORLD).rank()),
                                    k_start_timeout_of_components);
}
}  // namespace

Coupler::Coupler(std::string_view component, MPI_Comm comm)
    : impl_(std::make_unique<Impl>(component, make_watchdog(component), comm)) {}

Coupler::Coupler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Coupler Coupler::on_own_communicator(std::string_view component, MPI_Comm comm) {
  if (comm == MPI_COMM_NULL) {
    throw Error(ErrorCode::usage,
                fmt::format("init_comm of component \"{}\" got MPI_COMM_NULL; give it the communicator "
                            "of the group \"{}\", of which this rank must be a member",
                            component, k_group_name));
  }
  return Coupler(std::make_unique<Impl>(component, make_watchdog(component), Communicator::borrow(comm), comm));
}

Coupler::Coupler(Coupler&&) noexcept = default;
Coupler& Coupler::operator=(Coupler&& other) noexcept {
  const Coupler replaced(std::exchange(impl_, std::move(other.impl_)));  // ends the job if it was not finalized
  return *this;
}

Coupler::~Coupler() {
  if (!impl_ || impl_->finalized || !mpi_is_running()) return;
  // An error that unwinds has its word first: nobody may catch it after this.
  if (!impl_->printed)
    log_line(!impl_->failure.empty() ? "error: " + impl_->failure
                                     : fmt::format("error: {}: the coupler was destroyed before finalize; call "
                                                   "finalize first, or the ML ranks would wait for ever",
                                                   impl_->side.whoami()));
  abort_world(1);
}

MPI_Comm Coupler::local_comm() const { return impl_->side.local_comm(); }

void Coupler::def_points(const std::vector<std::int64_t>& ids, std::string_view name) {
  def_points(contiguous_view(ids.data(), {static_cast<std::int64_t>(ids.size())}), name);
}

void Coupler::def_points(const ArrayView& ids, std::string_view name) {
  impl_->guard([&] { impl_->side.def_points(ids, std::string(name)); });
}

void Coupler::def_coordinates(const ArrayView& longitude, const ArrayView& latitude, std::string_view points) {
  impl_->guard([&] { impl_->side.def_coordinates(longitude, latitude, std::string(points)); });
}

void Coupler::def_field(std::string_view name, const FieldOptions& options) {
  impl_->guard([&] { impl_->side.def_field(std::string(name), options); });
}

void Coupler::enddef(std::int64_t step) {
  impl_->guard([&] { impl_->side.enddef(step); });
}

std::int64_t Coupler::step() const {
  return impl_->guard([&] { return impl_->side.step(); });
}

Info Coupler::put(std::string_view field, const ArrayView& array, Part part) {
  return impl_->guard([&] { return impl_->side.put(field, array, part); });
}

Info Coupler::get(std::string_view field, const ArrayView& array, Part part) {
  return impl_->guard([&] { return impl_->side.get(field, array, part); });
}

void Coupler::put_adjoint(std::string_view output, const ArrayView& array, Part part, bool retain) {
  impl_->guard([&] { impl_->side.put_adjoint(output, array, part, retain); });
}

void Coupler::get_adjoint(std::string_view input, const ArrayView& array, Part part) {
  impl_->guard([&] { impl_->side.get_adjoint(input, array, part); });
}

void Coupler::zero_grad(std::string_view network) {
  impl_->guard([&] { impl_->side.zero_grad(std::string(network)); });
}

double Coupler::scalar(std::string_view name) {
  return impl_->guard([&] { return impl_->side.scalar(std::string(name)); });
}

std::string Coupler::string(std::string_view name) {
  return impl_->guard([&] { return impl_->side.string(std::string(name)); });
}

void Coupler::global_sum(const ArrayView& array) {
  impl_->guard([&] { impl_->side.global_sum(array); });
}

FieldFacts Coupler::facts_of(std::string_view field) const {
  return impl_->guard([&] { return impl_->side.facts_of(field); });
}

std::vector<TapeFacts> Coupler::tapes() const {
  return impl_->guard([&] { return impl_->side.tapes(); });
}

std::shared_ptr<void>& Coupler::companion() { return impl_->companion; }

void Coupler::advance() {
  impl_->guard([&] { impl_->side.advance(); });
}

void Coupler::write_restart(std::string_view label) {
  impl_->guard([&] { impl_->side.write_restart(std::string(label)); });
}

void Coupler::finalize() {
  impl_->guard([&] { impl_->side.finalize(); });
  impl_->finalized = true;
}

}  // namespace ekman
