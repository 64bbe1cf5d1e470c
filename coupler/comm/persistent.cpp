// Implements persistent.hpp with absolute addresses: the datatype of a message holds where its rows lie.
#include "coupler/comm/persistent.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "coupler/base/simulation.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {
// Spans without gaps between them are one.
std::vector<Span> joined(const std::vector<Span>& spans) {
  std::vector<Span> all;
  for (const Span& span : spans) {
    if (span.bytes > std::numeric_limits<int>::max()) {
      throw Error(ErrorCode::mpi,
                  fmt::format("one piece of {} bytes is too long for MPI; choose a smaller chunk", span.bytes));
    }
    const bool follows = !all.empty() && all.back().data + all.back().bytes == span.data;
    if (follows && all.back().bytes + span.bytes <= std::numeric_limits<int>::max()) {
      all.back().bytes += span.bytes;
    } else {
      all.push_back(span);
    }
  }
  return all;
}

// One span is told as bytes, which MPI sends from where they lie; more are a datatype.
class SpanType {
 public:
  explicit SpanType(const std::vector<Span>& given) {
    const std::vector<Span> spans = joined(given);
    if (spans.size() == 1) {
      data_ = spans[0].data;
      count_ = static_cast<int>(spans[0].bytes);
      return;
    }
    std::vector<int> lengths;
    std::vector<MPI_Aint> addresses;
    for (const Span& span : spans) {
      lengths.push_back(static_cast<int>(span.bytes));
      MPI_Aint address = 0;
      check_mpi(MPI_Get_address(span.data, &address), "MPI_Get_address");
      addresses.push_back(address);
    }
    check_mpi(
        MPI_Type_create_hindexed(static_cast<int>(spans.size()), lengths.data(), addresses.data(), MPI_BYTE, &made_),
        "MPI_Type_create_hindexed");
    check_mpi(MPI_Type_commit(&made_), "MPI_Type_commit");
    type_ = made_;
  }
  ~SpanType() {
    if (made_ != MPI_DATATYPE_NULL) MPI_Type_free(&made_);
  }
  SpanType(const SpanType&) = delete;
  SpanType& operator=(const SpanType&) = delete;
  void* data() const { return data_; }
  int count() const { return count_; }
  MPI_Datatype type() const { return type_; }

 private:
  void* data_ = MPI_BOTTOM;
  int count_ = 1;
  MPI_Datatype type_ = MPI_BYTE;
  MPI_Datatype made_ = MPI_DATATYPE_NULL;
};
}  // namespace

PersistentList::~PersistentList() {
  if (!mpi_is_running()) return;
  for (MPI_Request& request : requests_) {
    if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
  }
}

int PersistentList::add_send(const Communicator& comm, const std::vector<Span>& given, int to, int tag) {
  const SpanType spans(given);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Send_init(spans.data(), spans.count(), spans.type(), to, tag, comm.get(), &request), "MPI_Send_init");
  requests_.push_back(request);
  return static_cast<int>(requests_.size()) - 1;
}

int PersistentList::add_receive(const Communicator& comm, const std::vector<Span>& given, int from, int tag) {
  const SpanType spans(given);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Recv_init(spans.data(), spans.count(), spans.type(), from, tag, comm.get(), &request), "MPI_Recv_init");
  requests_.push_back(request);
  return static_cast<int>(requests_.size()) - 1;
}

void PersistentList::start(int index) { check_mpi(MPI_Start(&requests_[index]), "MPI_Start"); }

void PersistentList::wait(int index) { check_mpi(MPI_Wait(&requests_[index], MPI_STATUS_IGNORE), "MPI_Wait"); }

bool PersistentList::test(int index) {
  int done = 0;
  check_mpi(MPI_Test(&requests_[index], &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

const std::vector<int>& PersistentList::poll() {
  if constexpr (k_simulated) {
    completed_ = std::exchange(found_, {});
    return completed_;
  }
  completed_.resize(requests_.size());
  int count = 0;
  check_mpi(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, completed_.data(),
                         MPI_STATUSES_IGNORE),
            "MPI_Testsome");
  completed_.resize(count == MPI_UNDEFINED ? 0 : count);
  return completed_;
}

void PersistentList::wait_for_any(const std::vector<PersistentList*>& lists) {
  std::vector<MPI_Request> all;
  for (const PersistentList* list : lists) all.insert(all.end(), list->requests_.begin(), list->requests_.end());
  int index = MPI_UNDEFINED;
  check_mpi(MPI_Waitany(static_cast<int>(all.size()), all.data(), &index, MPI_STATUS_IGNORE), "MPI_Waitany");
  if (index == MPI_UNDEFINED)
    throw Error(ErrorCode::internal, "nobody sends what an ML rank waits for; this is a mistake in Ekman, report it");
  for (PersistentList* list : lists) {
    const auto size = static_cast<int>(list->requests_.size());
    if (index < size) return list->found_.push_back(index);
    index -= size;
  }
}

}  // namespace ekman
