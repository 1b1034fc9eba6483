#pragma once
// The examples' command lines: `--name value` pairs.

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

#include <keel/tensor/error.hpp>

class Arguments {
 public:
  Arguments(int argc, char** argv, std::initializer_list<const char*> known) : words_(argv + 1, argv + argc) {
    std::string names;
    for (const char* name : known) names += (names.empty() ? "" : ", ") + std::string(name);
    for (std::size_t i = 0; i < words_.size(); i += 2) {
      bool found = false;
      for (const char* name : known) found |= words_[i] == name;
      if (!found || i + 1 == words_.size())
        throw keel::ConfigError("command line", "pairs of an option and its value, options: " + names, words_[i]);
    }
  }

  std::string text(const std::string& name, const std::string& fallback) const {
    for (std::size_t i = 0; i < words_.size(); i += 2)
      if (words_[i] == name) return words_[i + 1];
    return fallback;
  }
  long number(const std::string& name, long fallback) const {
    const std::string word = text(name, std::to_string(fallback));
    char* end = nullptr;
    const long value = std::strtol(word.c_str(), &end, 10);
    if (*end || word.empty() || value < 0) throw keel::ConfigError(name, "a whole number", word);
    return value;
  }

 private:
  std::vector<std::string> words_;
};
