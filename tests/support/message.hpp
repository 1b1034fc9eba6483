#pragma once

#include <string>

#include <keel/tensor/error.hpp>

/// What the error says that `f` throws.
template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const keel::Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }
