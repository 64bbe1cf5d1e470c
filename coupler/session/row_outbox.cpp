// Implements row_outbox.hpp.
#include "coupler/session/row_outbox.hpp"

namespace ekman {

RowOutbox::RowOutbox(Direction& direction, const NetworkSpec& spec, StateWriter& state, std::int64_t slots)
    : direction_(direction),
      spec_(spec),
      state_(state),
      messages_of_slot_(static_cast<std::size_t>(slots)),
      messages_(direction.messages.size()) {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    for (const Piece& piece : direction_.messages[m].pieces) {
      std::vector<int>& messages = messages_of_slot_[piece.slot];
      if (!messages.empty() && messages.back() == static_cast<int>(m)) continue;
      messages.push_back(static_cast<int>(m));
      ++messages_[m].slots;
    }
    for (std::int64_t& open : messages_[m].slots_open) open = messages_[m].slots;
  }
}

void RowOutbox::take_back(std::int64_t slot, std::int64_t exchange) {
  if (direction_.requests.empty()) return;
  for (const int m : messages_of_slot_[slot]) {
    if (messages_[m].sending[place(exchange)]) wait_for(m, place(exchange));
  }
}

void RowOutbox::wait_for(int m, int place) {
  messages_[m].sending[place] = false;
  const Message& message = direction_.messages[m];
  const int request = message.request_of(place);
  if (request < 0 || direction_.requests.test(request)) return;
  const WaitScope waiting(state_, Call::outputs, k_no_field, -1, message.peer - spec_.ranks);
  direction_.requests.wait(request);
}

void RowOutbox::done(std::int64_t slot, std::int64_t exchange, std::int64_t step, std::int64_t given_up,
                     const LearningStatus* learning) {
  for (const int m : messages_of_slot_[slot]) {
    MessageHeader& header = direction_.messages[m].header_of(exchange);
    std::int64_t& slots_open = messages_[m].slots_open[place(exchange)];
    if (slots_open == messages_[m].slots) header.given_up = 0;
    header.given_up += given_up;
    header.step = step;
    if (learning != nullptr) header.learning = *learning;
    if (--slots_open == 0) send(m);
  }
}

void RowOutbox::send_all() {
  for (std::size_t m = 0; m < messages_.size(); ++m) send(static_cast<int>(m));
}

void RowOutbox::send(int m) {
  const Message& message = direction_.messages[m];
  const std::int64_t exchange = messages_[m].exchanges++;
  messages_[m].slots_open[place(exchange)] = messages_[m].slots;
  if (message.request < 0) {
    message.header_of(exchange).sequence.store(exchange + 1, std::memory_order_release);
    ring(message.bell);
  } else {
    direction_.requests.start(message.request_of(exchange));
    messages_[m].sending[place(exchange)] = true;
  }
}

void RowOutbox::finish() {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    for (int place = 0; place < direction_.depth(); ++place) wait_for(static_cast<int>(m), place);
  }
}

}  // namespace ekman
