#pragma once

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

/// Real files beside the project; not everybody has them.
inline const std::string fixtures = std::string(KEEL_SOURCE_DIR) + "/../shared/fixtures/";

inline bool no_fixtures() {
  if (std::filesystem::is_directory(fixtures)) return false;
  MESSAGE("skipped: no folder of real files beside the project");
  return true;
}
