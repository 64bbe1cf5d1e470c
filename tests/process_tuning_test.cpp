// Cores that a process may use.
#include "coupler/base/process_tuning.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>

namespace ekman {
namespace {

TEST(Binding, WarnsOfMoreThreadsThanCores) {
  EXPECT_EQ(binding_warning(4, 4), "");
  EXPECT_EQ(binding_warning(1, 1), "");
  const std::string warning = binding_warning(4, 1);
  EXPECT_NE(warning.find("4 threads, but it may use 1 core only"), std::string::npos) << warning;
  EXPECT_NE(warning.find("--map-by slot:PE=4"), std::string::npos) << warning;
}

TEST(Binding, CountsTheCoresThatTheProcessIsBoundTo) {
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  EXPECT_EQ(cores_allowed(), CPU_COUNT(&all));
  EXPECT_EQ(numbers_of_cores_allowed().size(), static_cast<std::size_t>(CPU_COUNT(&all)));
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &all)) CPU_SET(core, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(cores_allowed(), 1);
  const std::vector<int> numbers = numbers_of_cores_allowed();
  ASSERT_EQ(numbers.size(), 1U);
  EXPECT_TRUE(CPU_ISSET(numbers[0], &one));
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(Binding, GivesThreadsACoreEachIfThereAreAsMany) {
  for (const char* name : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"}) unsetenv(name);

  bind_threads(1, 1);
  bind_threads(2, 4);
  bind_threads(4, 2);
  EXPECT_EQ(std::getenv("OMP_PROC_BIND"), nullptr);
  bind_threads(4, 4);
  EXPECT_STREQ(std::getenv("OMP_PROC_BIND"), "true");
  EXPECT_STREQ(std::getenv("OMP_PLACES"), "threads");
}

TEST(Binding, IsLeftToAUserWhoSetsIt) {
  for (const char* name : {"OMP_PROC_BIND", "OMP_PLACES", "KMP_AFFINITY"}) unsetenv(name);
  setenv("GOMP_CPU_AFFINITY", "0-3", 1);

  bind_threads(4, 4);

  EXPECT_EQ(std::getenv("OMP_PROC_BIND"), nullptr);
  unsetenv("GOMP_CPU_AFFINITY");
}

}  // namespace
}  // namespace ekman
