#pragma once
/// What check_layer is told and what it says.

#include <string>
#include <vector>

#include <keel/tensor/shape.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LayerCheckOptions {
  /// Samples in a batch.
  Index batch = 3;
  /// Largest error of a gradient, relative to the largest value of its tensor.
  double tolerance = 1e-6;
  /// Central differences move a value x by step * max(1, |x|).
  double step = 1e-5;
  /// Values of a tensor whose gradient is checked one by one; beyond that a random sample, and all of them at once
  /// along a random direction.
  Index max_values = 150;
  /// Inputs are normal with this deviation and mean.
  double deviation = 1, mean = 0;  ///< of the inputs, which are normal
  /// Of all random numbers.
  std::uint64_t seed = 1;
  /// Lists of input shapes, without batch, that the layer must refuse with a ShapeError.
  std::vector<std::vector<Shape>> refused = {};
};

/// Something that a layer does against its contract.
struct LayerFinding {
  std::string check;  ///< what was looked at: "training: gradient of kernel"
  std::string got;    ///< what was wrong with it
};

/// What check_layer found: an empty list if the layer keeps its contract.
struct LayerReport {
  std::string layer;                   ///< its name and class
  std::vector<LayerFinding> findings;  ///< by default none
  double max_error = 0;                ///< of all gradients, relative
  Index checks = 0;                    ///< how much was looked at

  bool ok() const { return findings.empty(); }  ///< Whether nothing was found.
  /// A line of counts, then a line for each finding.
  std::string to_string() const {
    std::string lines = layer + ": " + std::to_string(checks) + " checks, " + std::to_string(findings.size()) +
                        " failed, largest error of a gradient " + detail::text(max_error) + "\n";
    for (const LayerFinding& finding : findings) lines += "  " + finding.check + ": " + finding.got + "\n";
    return lines;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
