// Hostile plans are refused fast and in bounded memory: each is parsed in a process of its own, whose
// processor time and greatest memory the system reports.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/plan/plan.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr double k_dearer = 8.0;  // what the sanitizer's red zones, quarantine and checks may cost
#else
constexpr double k_dearer = 1.0;
#endif
constexpr double k_most_seconds = 1.5 * k_dearer;      // the dearest takes 0.3 s alone; a busy machine makes it 0.5 s
constexpr double k_most_megabytes = 320.0 * k_dearer;  // some 40 of them are this program's, with all the plans

constexpr std::size_t k_one_mebibyte = std::size_t{1} << 20;

struct Outcome {
  std::string error;  // what was thrown, or how the process ended
  double seconds = 0.0;
  double megabytes = 0.0;
};

// `parse` in a child process.
Outcome outcome_of(const std::function<void()>& parse) {
  int ends[2];
  if (pipe(ends) != 0) return {"no pipe"};
  const pid_t child = fork();
  if (child == 0) {
    std::string error = "no error";
    try {
      parse();
    } catch (const Error& thrown) {
      error = thrown.what();
    } catch (const std::exception& thrown) {
      error = std::string("something else than Error: ") + thrown.what();
    }
    error.resize(std::min<std::size_t>(error.size(), 4000));  // what a pipe takes at once
    const ssize_t written = write(ends[1], error.data(), error.size());
    _exit(written < 0 ? 1 : 0);
  }
  close(ends[1]);
  Outcome outcome;
  outcome.error.resize(4096);
  const ssize_t size = read(ends[0], outcome.error.data(), outcome.error.size());
  outcome.error.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (!WIFEXITED(status)) outcome.error = "the parser crashed";
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  outcome.seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  outcome.megabytes = static_cast<double>(usage.ru_maxrss) / 1024.0;
  return outcome;
}

std::string repeated(const std::string& part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

// `part(0) part(1) ...`, as many as fit into `bytes`.
std::string counted(std::size_t bytes, const std::function<std::string(std::size_t)>& part) {
  std::string text;
  for (std::size_t i = 0; text.size() + 32 < bytes; ++i) text += part(i);
  return text;
}

std::string number(std::size_t i) { return std::to_string(i); }

// A plan with two lists of fields and more keys of its network.
std::string network_of(const std::string& inputs, const std::string& outputs, const std::string& more) {
  return "ekman: 1\ncomponents: {a: {}}\nnetworks:\n  n:\n    component: a\n    network: {echo: {}}\n    "
         "inputs: [{fields: [" +
         inputs + "]}]\n    outputs: [{fields: [" + outputs + "]}]\n" + more;
}

// The same with a network that learns.
std::string learner_of(const std::string& inputs, const std::string& outputs, const std::string& training) {
  std::string text = network_of(inputs, outputs, "    training: {optimizer: {adam: {lr: 1}}, " + training + "}\n");
  return text.replace(text.find("{echo: {}}"), 10, "{builtin: mlp, hidden: [4]}");
}

struct Bomb {
  const char* name;
  std::string text;
  const char* expected;
};

std::vector<Bomb> bombs() {
  std::string laughs = "x-0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int level = 1; level < 10; ++level) {
    const std::string before = std::to_string(level - 1);
    laughs += "x-" + number(level) + ": &a" + number(level) + " [" + repeated("*a" + before + ",", 10) + "]\n";
  }
  std::string merges = "x-0: &a0 {" + counted(2000, [](std::size_t i) { return "k" + number(i) + ": 1, "; }) + "}\n";
  for (int level = 1; level < 30; ++level)
    merges += "x-" + number(level) + ": &a" + number(level) + " {<<: [*a" + number(level - 1) + ", *a" +
              number(level - 1) + "]}\n";
  const std::string keys = counted(100000, [](std::size_t i) { return "k" + number(i) + ": 1, "; });
  const std::size_t almost = k_one_mebibyte - 1000;
  const auto name = [](std::size_t i) { return "f" + number(i) + ", "; };
  return {
      {"a billion laughs", laughs, "more than 20000 values"},
      {"a billion laughs of merge keys", merges, "more than 20000 values"},
      {"an anchor in itself", "x-a: &a [*a]", "contains itself"},
      {"an anchor in itself, as merge key", "x-a: &a {<<: *a}", "contains itself"},
      {"an anchor in itself, deep and many times", "x-a: &a {b: [{c: [*a, *a, *a]}, *a]}", "contains itself"},
      {"a long list in flow style", "x-a: [" + repeated("0,", almost / 2) + "]", "more than 20000 values"},
      {"a long list in block style", "x-a:\n" + repeated("- 0\n", almost / 4), "more than 20000 values"},
      {"a long list on many lines", "x-a: [" + repeated("0,\n", almost / 3) + "]", "more than 20000 values"},
      {"a long mapping", counted(almost, [](std::size_t i) { return "x-" + number(i) + ": 1\n"; }),
       "more than 20000 values"},
      {"a long mapping in flow style",
       "{" + counted(almost, [](std::size_t i) { return "x-" + number(i) + ": 1,"; }) + "}", "more than 20000 values"},
      {"nested lists", "x-a: " + repeated("[", almost), "error: "},
      {"nested lists that end", "x-a: " + repeated("[", almost / 2) + repeated("]", almost / 2),
       "nested more than 64 deep"},
      {"nested mappings", "x-a: " + repeated("{a: ", almost / 4), "error: "},
      {"nested mappings without keys", "x-a: " + repeated("{", almost), "error: "},
      {"nested sequences in block style", repeated("- ", almost / 2), "nested more than 64 deep"},
      {"nested keys in block style", repeated("? ", almost / 2), "error: "},
      {"nested mappings in block style",
       counted(almost / 2, [](std::size_t i) { return std::string(i, ' ') + "a:\n"; }), "nested more than 64 deep"},
      {"a long text", "x-a: " + std::string(almost, 'a'), "longer than 4096 bytes"},
      {"a long text in quotes", "x-a: \"" + std::string(almost, 'a') + "\"", "longer than 4096 bytes"},
      {"a long key", std::string(almost, 'a') + ": 1", "error: "},
      {"a text, repeated by aliases", "x-a: &a " + std::string(4000, 'a') + "\nx-b: [" + repeated("*a, ", 19000) + "]",
       "texts of more than 1 MiB"},
      {"many documents", repeated("---\na\n", almost / 6), "a second one starts here"},
      {"many empty documents", repeated("---\n", almost / 4), "error: "},
      {"many ends of documents", repeated("...\n", almost / 4), "the plan is empty"},
      {"many anchors", "x-a: [" + counted(almost, [](std::size_t i) { return "&a" + number(i) + " 1,"; }) + "]",
       "more than 20000 values"},
      {"many tags", "x-a: [" + counted(almost, [](std::size_t i) { return "!a" + number(i) + " 1,"; }) + "]",
       "more than 20000 values"},
      {"many tag directives", counted(almost, [](std::size_t i) { return "%TAG !a" + number(i) + "! b\n"; }),
       "error: "},
      {"only colons", repeated(": ", almost / 2), "error: "},
      {"only question marks in flow style", "[" + repeated("? ", almost / 2), "error: "},
      {"only zero bytes", std::string(almost, '\0'), "error: "},
      {"only the byte 255", std::string(almost, '\xff'), "error: "},
      {"only tabs", std::string(almost, '\t'), "error: "},
      {"only carriage returns", std::string(almost, '\r'), "error: "},
      {"only quotes", repeated("'", almost), "error: "},
      {"only escapes", "\"" + repeated("\\U0010FFFF", almost / 10) + "\"", "longer than 4096 bytes"},
      {"merge keys in merge keys", repeated("{<<: ", 60) + "{" + keys + "}" + repeated("}", 60), "unknown key"},
      {"the same key again and again", "{" + repeated("k: 1, ", 19000) + "}", "is given twice"},
      {"unknown keys", counted(200000, [](std::size_t i) { return "kalender" + number(i) + ": 1\n"; }), "unknown key"},
      {"unknown keys below a long name", "ekman: 1\ncomponents:\n  " + std::string(1000, 'a') + ": {" + keys + "}",
       "unknown key"},
      {"the same field again and again", network_of(repeated("t, ", 19000), "q", ""), "is listed twice"},
      {"many fields that are inputs and outputs", network_of(counted(60000, name), counted(60000, name), ""),
       "is both input and output"},
      {"normalisation of no fields",
       network_of(
           counted(60000, name), "q",
           "    normalize: {" + counted(60000, [](std::size_t i) { return "g" + number(i) + ": {}, "; }) + "}\n"),
       "is no field of network"},
      {"guards of no fields",
       network_of("t", counted(60000, name),
                  "    guard: {" + counted(60000, [](std::size_t i) { return "g" + number(i) + ": {}, "; }) + "}\n"),
       "is no output of network"},
      {"targets of no fields",
       learner_of("t", counted(60000, name),
                  "loss: [{mse: {fields: [f1]}}], targets: {" +
                      counted(60000, [](std::size_t i) { return "g" + number(i) + ": h, "; }) + "}"),
       "is no output of network"},
      {"losses of many fields",
       learner_of("t", counted(40000, name),
                  "loss: [{l1: {fields: [" + counted(40000, name) + "]}}, {mse: {fields: [f0]}}], targets: {" +
                      counted(60000, [](std::size_t i) { return "f" + number(i) + ": h" + number(i) + ", "; }) + "}"),
       "has no target"},
      {"many terms of a loss",
       learner_of("t", "q", "targets: {q: p}, loss: [" + repeated("{mse: {fields: [q]}, weight: -1},", 3000) + "]"),
       "the weight of a term is -1"},
      {"wrong texts in a list",
       "ekman: 1\ncomponents: {" + counted(150000, [](std::size_t i) { return "c" + number(i) + ": 7, "; }) + "}",
       "must be a mapping"},
  };
}

TEST(PlanBounds, RefuseHostilePlansFastAndInBoundedMemory) {
  for (const Bomb& bomb : bombs()) {
    ASSERT_LE(bomb.text.size(), k_one_mebibyte) << bomb.name;

    const Outcome outcome = outcome_of([&] { parse_plan(bomb.text, "plan.yaml"); });

    std::printf("%-45s %6.3f s %7.1f MB  %.90s\n", bomb.name, outcome.seconds, outcome.megabytes,
                outcome.error.c_str());
    EXPECT_NE(outcome.error.find(bomb.expected), std::string::npos) << bomb.name << ": " << outcome.error;
    EXPECT_LT(outcome.seconds, k_most_seconds) << bomb.name;
    EXPECT_LT(outcome.megabytes, k_most_megabytes) << bomb.name;
  }
}

TEST(PlanBounds, RefuseAFileWithoutEnd) {
  const Outcome outcome = outcome_of([] { read_plan("/dev/zero"); });

  EXPECT_EQ(outcome.error,
            "/dev/zero:1:1: error: the file is larger than 1 MiB, which no plan needs; name the plan's own file");
  EXPECT_LT(outcome.seconds, k_most_seconds);
  EXPECT_LT(outcome.megabytes, k_most_megabytes);
}

TEST(PlanBounds, TakeNoMemoryForNetworksThatOnlyACountPromises) {
  std::string bytes = serialise(Plan{});
  const std::size_t networks = bytes.rfind(std::string("l") + std::string(8, '\0'));  // how many there are
  ASSERT_NE(networks, std::string::npos);
  bytes[networks + 3] = 16;  // 2^20
  bytes += std::string(k_one_mebibyte, '\0');

  const Outcome outcome = outcome_of([&] { deserialise(bytes); });

  EXPECT_NE(outcome.error.find("a value of another kind was expected"), std::string::npos) << outcome.error;
  EXPECT_LT(outcome.megabytes, 100.0 * k_dearer);
}

}  // namespace
}  // namespace ekman
