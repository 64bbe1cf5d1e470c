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
    messages_[m].slots_open = messages_[m].slots;
  }
}

void RowOutbox::take_back(std::int64_t slot) {
  for (const int m : messages_of_slot_[slot]) {
    if (messages_[m].sending) wait_for(m);
  }
}

void RowOutbox::wait_for(int m) {
  messages_[m].sending = false;
  const Message& message = direction_.messages[m];
  if (message.request < 0 || direction_.requests.test(message.request)) return;
  const WaitScope waiting(state_, Call::outputs, k_no_field, -1, message.peer - spec_.ranks);
  direction_.requests.wait(message.request);
}

void RowOutbox::done(std::int64_t slot, std::int64_t step, std::int64_t given_up, const LearningStatus& learning) {
  for (const int m : messages_of_slot_[slot]) {
    MessageHeader& header = *direction_.messages[m].header;
    if (messages_[m].slots_open == messages_[m].slots) header.given_up = 0;
    header.given_up += given_up;
    header.step = step;
    header.learning = learning;
    if (--messages_[m].slots_open == 0) send(m);
  }
}

void RowOutbox::send_all() {
  for (std::size_t m = 0; m < messages_.size(); ++m) send(static_cast<int>(m));
}

void RowOutbox::send(int m) {
  const Message& message = direction_.messages[m];
  messages_[m].slots_open = messages_[m].slots;
  ++messages_[m].exchanges;
  if (message.request < 0) {
    message.header->sequence.store(messages_[m].exchanges, std::memory_order_release);
  } else {
    direction_.requests.start(message.request);
    messages_[m].sending = true;
  }
}

void RowOutbox::finish() {
  for (std::size_t m = 0; m < messages_.size(); ++m) wait_for(static_cast<int>(m));
}

}  // namespace ekman
