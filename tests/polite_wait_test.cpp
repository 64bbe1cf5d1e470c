// Waits that sleep, and the bells that wake them. No time is measured: a thread that listens says so in its bell.
#include "coupler/comm/polite_wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "coupler/comm/bell.hpp"

namespace ekman {
namespace {

void wait_for(const std::atomic<int>& value, int wanted, Bell* bell) {
  PoliteWait wait(true, bell);
  while (value.load(std::memory_order_acquire) < wanted) wait.pause();
}

void until_listening(const Bell& bell, std::uint32_t sleepers) {
  while (bell.sleepers.load() < sleepers) std::this_thread::yield();
}

TEST(Bells, WakeAllWhoSleep) {
  Bell bell{};
  std::atomic<int> value{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) waiters.emplace_back([&] { wait_for(value, 1, &bell); });
  until_listening(bell, 3);
  value.store(1, std::memory_order_release);
  ring(&bell);
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(bell.rung.load(), 1U);
  EXPECT_EQ(bell.sleepers.load(), 0U);
}

TEST(Bells, AreNotRungForNobody) {
  Bell bell{};
  ring(&bell);
  EXPECT_EQ(bell.rung.load(), 0U);
  ring(nullptr);
}

// As two ranks do, both asleep in turns.
TEST(Bells, GoToAndFro) {
  constexpr int k_turns = 100;
  Bell here{}, there{};
  std::atomic<int> sent{0}, answered{0};
  std::thread other([&] {
    for (int turn = 1; turn <= k_turns; ++turn) {
      wait_for(sent, turn, &there);
      until_listening(here, 1);
      answered.store(turn, std::memory_order_release);
      ring(&here);
    }
  });
  for (int turn = 1; turn <= k_turns; ++turn) {
    until_listening(there, 1);
    sent.store(turn, std::memory_order_release);
    ring(&there);
    wait_for(answered, turn, &here);
  }
  other.join();
  EXPECT_EQ(here.rung.load(), static_cast<std::uint32_t>(k_turns));
  EXPECT_EQ(there.rung.load(), static_cast<std::uint32_t>(k_turns));
  EXPECT_EQ(here.sleepers.load() + there.sleepers.load(), 0U);
}

// Who may not ring, an MPI library for one, is waited for without a bell.
TEST(PoliteWait, NeedsNoBell) {
  std::atomic<int> value{0};
  std::thread writer([&] { value.store(1, std::memory_order_release); });
  wait_for(value, 1, nullptr);
  writer.join();
}

}  // namespace
}  // namespace ekman
