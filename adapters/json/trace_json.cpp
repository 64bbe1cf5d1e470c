// Implements trace_json.hpp. Format: "Trace Event Format", Google, docs.google.com/document/d/
// 1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: `X` complete events, `M` metadata, times in microseconds.
#include "adapters/json/trace_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <queue>
#include <vector>

namespace ekman {

namespace {

using nlohmann::ordered_json;

struct Span {
  std::int64_t begin;  // nanoseconds
  std::int64_t end;
  const ProfileEvent* event;
};

struct Later {
  bool operator()(const Span& a, const Span& b) const {
    return a.begin != b.begin ? a.begin > b.begin : a.end < b.end;  // the longer one holds the shorter
  }
};

// Spans as nested as a thread's must be, in the order of their begin.
std::vector<Span> nested(const std::vector<ProfileEvent>& events) {
  std::priority_queue<Span, std::vector<Span>, Later> left;
  for (const ProfileEvent& event : events) {
    const double begin = event.begin * 1e9;
    left.push({std::llround(begin), std::llround(begin + static_cast<double>(event.seconds) * 1e9), &event});
  }
  std::vector<Span> spans, open;
  while (!left.empty()) {
    Span span = left.top();
    left.pop();
    while (!open.empty() && open.back().end <= span.begin) open.pop_back();
    if (!open.empty() && span.end > open.back().end) {
      span.begin = open.back().end;
      left.push(span);
      continue;
    }
    spans.push_back(span);
    open.push_back(span);
  }
  return spans;
}

ordered_json metadata(const char* what, int process, std::int64_t thread, const char* key, const ordered_json& value) {
  return {{"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"ts", 0}, {"args", {{key, value}}}};
}

int process_of(const RunProfile& run, const RankProfile& rank) {
  return 1 + (rank.component >= 0 ? rank.component : static_cast<int>(run.components.size()) + rank.network);
}

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
}

double microseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }

}  // namespace

std::string trace_json(const RunProfile& run) {
  // Event by event, since a tree of a million takes a gigabyte.
  std::string text = "{\"traceEvents\":[";
  const auto add = [&](const ordered_json& event) {
    text += text.back() == '[' ? "\n" : ",\n";
    text += text_of(event);
  };
  const auto add_process = [&](int process, const std::string& name) {
    add(metadata("process_name", process, 0, "name", name));
    add(metadata("process_sort_index", process, 0, "sort_index", process));
  };
  int process = 0;
  for (const std::string& component : run.components) add_process(++process, component);
  for (const NetworkFacts& network : run.networks) {
    ++process;
    if (!network.is_inline) add_process(process, "ML ranks of " + network.name);
  }
  for (const RankProfile& rank : run.ranks) {
    const int of = process_of(run, rank);
    std::string name = "rank " + std::to_string(rank.rank) + " on " + rank.node;
    if (!rank.device.empty()) name += ", " + rank.device;
    add(metadata("thread_name", of, rank.rank, "name", name));
    add(metadata("thread_sort_index", of, rank.rank, "sort_index", rank.rank));
    for (const Span& span : nested(rank.events)) {
      const ProfileEvent& event = *span.event;
      ordered_json arguments{{"step", event.step}};
      if (event.network >= 0) arguments["network"] = run.networks[static_cast<std::size_t>(event.network)].name;
      add({{"name", k_stage_names[static_cast<std::size_t>(event.stage)]},
           {"cat", rank.component >= 0 ? "component" : "ml"},
           {"ph", "X"},
           {"pid", of},
           {"tid", rank.rank},
           {"ts", microseconds(span.begin)},
           {"dur", microseconds(span.end - span.begin)},
           {"args", arguments}});
    }
  }
  return text + "\n],\"displayTimeUnit\":\"ms\",\"otherData\":" +
         text_of({{"ekman", run.version}, {"simulated", run.simulated}}) + "}\n";
}

}  // namespace ekman
