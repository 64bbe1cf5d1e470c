// Implements document.hpp as a listener to yaml-cpp's events.
#include "adapters/yaml/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace ekman {
namespace {

Position position_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

class Listener : public YAML::EventHandler {
 public:
  explicit Listener(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Document take() {
    if (document_.nodes.empty() || document_.nodes[0].kind == NodeKind::nothing)
      diagnostics_.fail({}, "the plan is empty; `ekman: 1` is its first line, configs/README.md has the others");
    return std::move(document_);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override { ended_ = true; }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(NodeKind::nothing, mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
    if (value.size() > k_longest_text)
      diagnostics_.fail(position_of(mark),
                        fmt::format("a text is longer than {} bytes, which no plan needs; shorten it", k_longest_text));
    document_.nodes[add(NodeKind::scalar, mark, anchor)].scalar = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(NodeKind::list, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(NodeKind::mapping, mark, anchor);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapEnd() override { open_.pop_back(); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int node = anchors_.at(anchor);
    if (std::find(open_.begin(), open_.end(), node) != open_.end())
      diagnostics_.fail(position_of(mark), "an anchor contains itself; name with * only what is complete");
    count(position_of(mark));
    append(node);
  }

 private:
  int add(NodeKind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Position position = position_of(mark);
    if (ended_) diagnostics_.fail(position, "a plan is one YAML document; a second one starts here, take it out");
    count(position);
    const int node = static_cast<int>(document_.nodes.size());
    document_.nodes.push_back({kind, position, "", {}});
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    append(node);
    return node;
  }

  void open(NodeKind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    open_.push_back(add(kind, mark, anchor));
    if (open_.size() > k_deepest_nesting + std::size_t{1})
      diagnostics_.fail(position_of(mark),
                        fmt::format("nested more than {} deep; look for a bracket too many", k_deepest_nesting));
  }

  void append(int node) {
    if (!open_.empty()) document_.nodes[open_.back()].children.push_back(node);
  }

  // Keys are no values.
  void count(Position position) {
    if (!open_.empty()) {
      const DocumentNode& above = document_.nodes[open_.back()];
      if (above.kind == NodeKind::mapping && above.children.size() % 2 == 0) return;
    }
    if (++num_values_ > k_most_values)
      diagnostics_.fail(
          position,
          fmt::format("more than {} values, aliases included; no plan needs so many, take some out", k_most_values));
  }

  Diagnostics& diagnostics_;
  Document document_;
  std::vector<int> open_;  // lists and mappings that have begun, from the root
  std::map<YAML::anchor_t, int> anchors_;
  int num_values_ = 0;
  bool ended_ = false;
};

}  // namespace

Document load_document(const std::string& text, Diagnostics& diagnostics) {
  if (text.size() > k_most_plan_bytes)
    diagnostics.fail({}, "the file is larger than 1 MiB, which no plan needs; name the plan's own file");
  Listener listener(diagnostics);
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(listener)) {
    }
  } catch (const YAML::Exception& exception) {
    diagnostics.fail(position_of(exception.mark),
                     fmt::format("not valid YAML: {}; correct it here or just before", exception.msg));
  }
  return listener.take();
}

}  // namespace ekman
