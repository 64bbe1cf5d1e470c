// Definitions and problems as bytes and back: lists of texts, numbers in decimal digits.
#include <charconv>

#include "coupler/exchange/set_up_messages.hpp"
#include "coupler/exchange/wire.hpp"
#include "coupler/session/definitions.hpp"

namespace ekman {

namespace {

constexpr std::size_t k_texts_of_a_field = 4;
constexpr std::size_t k_texts_of_a_problem = 3;

template <class Number>
Number number_of(const std::string& text, Number least) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < least || text != std::to_string(number))
    throw_unreadable("\"" + text.substr(0, 40) + "\" is no number that was expected");
  return number;
}

std::vector<std::string> texts_of(const std::string& bytes, std::size_t multiple) {
  std::vector<std::string> texts = split_texts(bytes);
  if (texts.size() % multiple != 0) throw_unreadable("texts are missing");
  return texts;
}

}  // namespace

std::string write_definitions(const Definitions& fields) {
  std::vector<std::string> texts;
  for (const auto& [name, field] : fields)
    texts.insert(texts.end(), {name, std::to_string(field.levels), field.units, field.points});
  return join_texts(texts);
}

Definitions read_definitions(const std::string& bytes) {
  const std::vector<std::string> texts = texts_of(bytes, k_texts_of_a_field);
  Definitions fields;
  for (std::size_t i = 0; i < texts.size(); i += k_texts_of_a_field) {
    if (!fields.empty() && texts[i] <= fields.rbegin()->first) throw_unreadable("fields are out of order");
    fields[texts[i]] = {number_of<std::int64_t>(texts[i + 1], 1), texts[i + 2], texts[i + 3]};
  }
  return fields;
}

std::string write_problems(const std::vector<ToldProblem>& problems) {
  std::vector<std::string> texts;
  for (const ToldProblem& problem : problems)
    texts.insert(texts.end(), {problem.component, std::to_string(problem.rank), problem.sentence});
  return join_texts(texts);
}

std::vector<ToldProblem> read_problems(const std::string& bytes) {
  const std::vector<std::string> texts = texts_of(bytes, k_texts_of_a_problem);
  std::vector<ToldProblem> problems;
  for (std::size_t i = 0; i < texts.size(); i += k_texts_of_a_problem)
    problems.push_back({texts[i], number_of<int>(texts[i + 1], k_all_ranks), texts[i + 2]});
  return problems;
}

}  // namespace ekman
