#pragma once
// The examples' command lines: `--name value` pairs, and flags by themselves.

#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>

#include <keel/tensor/error.hpp>

class Arguments {
 public:
  Arguments(int argc, char** argv, std::initializer_list<const char*> options,
            std::initializer_list<const char*> flags = {}) {
    std::string names;
    const auto is_one = [&](const std::string& word, std::initializer_list<const char*> known) {
      bool found = false;
      for (const char* name : known) found |= word == name, names += std::string(names.empty() ? "" : ", ") + name;
      return found;
    };
    for (int i = 1; i < argc; ++i, names.clear()) {
      const std::string word = argv[i];
      if (is_one(word, flags))
        values_[word];
      else if (is_one(word, options) && i + 1 < argc)
        values_[word] = argv[++i];
      else
        throw keel::ConfigError("command line", "options with their values, of " + names, word);
    }
  }

  bool flag(const std::string& name) const { return values_.count(name) != 0; }
  std::string text(const std::string& name, const std::string& fallback) const {
    const auto found = values_.find(name);
    return found == values_.end() ? fallback : found->second;
  }
  long number(const std::string& name, long fallback) const {
    const std::string word = text(name, std::to_string(fallback));
    char* end = nullptr;
    const long value = std::strtol(word.c_str(), &end, 10);
    if (*end || word.empty() || value < 0) throw keel::ConfigError(name, "a whole number", word);
    return value;
  }

 private:
  std::map<std::string, std::string> values_;
};
