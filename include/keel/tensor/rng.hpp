#pragma once
/// Random numbers that depend on a seed and a position alone.

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Random numbers from a counter: number i of stream s under a seed is a pure function of (seed, s, i), the
/// same on every platform, so that a shuffle or a dropout mask follows from what it belongs to and not from
/// what ran before. Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
class Rng {
 public:
  using Block = std::array<std::uint32_t, 4>;  ///< what one call of Philox gives

  /// At position 0 of a stream.
  explicit Rng(std::uint64_t seed = 0, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  /// For parameters whose values are yet to come, from a file: `initial_values` then makes shapes without memory.
  static Rng none() {
    Rng rng;
    rng.none_ = true;
    return rng;
  }
  bool is_none() const { return none_; }  ///< Whether it is `none()`.

  /// One stream number for several keys, such as {epoch, sample}.
  static std::uint64_t stream_id(std::initializer_list<std::uint64_t> keys) {
    std::uint64_t id = keys.size();
    for (const std::uint64_t key : keys) {
      const Block mixed = block(id, key, 0);
      id = join(mixed[0], mixed[1]);
    }
    return id;
  }

  /// The next 32 random bits.
  std::uint32_t next_u32() {
    const std::uint64_t lane = position_++ % 4;
    if (lane == 0 || !filled_) buffer_ = block(seed_, (position_ - 1) / 4, stream_);
    filled_ = true;
    return buffer_[lane];
  }
  /// The next 64 random bits.
  std::uint64_t next_u64() {
    const std::uint32_t low = next_u32();
    return join(low, next_u32());
  }
  /// How many 32-bit numbers were taken, and a jump to any such position.
  std::uint64_t position() const { return position_; }
  /// Goes on at a position that `position()` gave.
  void seek(std::uint64_t position) {
    position_ = position;
    filled_ = false;
  }

  /// Uniform in [0, 1), 53 random bits.
  double uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Mean 0, deviation 1 (Box and Muller, 1958; the cosine half, so that each call takes four numbers).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
  /// Normal with this mean and standard deviation.
  double normal(double mean, double deviation) { return mean + deviation * normal(); }
  /// normal() drawn again until it lies within [-2, 2]; its deviation is 0.8796256610342398.
  double truncated_normal() {
    double value = normal();
    while (std::abs(value) > 2) value = normal();
    return value;
  }
  /// Uniform in 0 .. count - 1, without bias. Throws ConfigError where count < 1.
  Index below(Index count) {
    if (count < 1) throw ConfigError("Rng::below", "a count of 1 or more", std::to_string(count));
    const auto n = static_cast<std::uint64_t>(count);
    const std::uint64_t excess = (0 - n) % n;  // 2^64 mod n: that many values would come once too often
    std::uint64_t value = next_u64();
    while (value < excess) value = next_u64();
    return static_cast<Index>(value % n);
  }

  /// Fisher and Yates.
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], nth(values, below(static_cast<Index>(i))));
  }
  /// 0 .. count - 1 in random order.
  std::vector<Index> permutation(Index count) {
    std::vector<Index> order(to_size(count));
    std::iota(order.begin(), order.end(), Index{0});
    shuffle(std::span<Index>(order));
    return order;
  }

  /// The four numbers at a counter: Philox4x32-10 with the key `seed` and the counter (low, high).
  static Block block(std::uint64_t seed, std::uint64_t low, std::uint64_t high) {
    std::uint32_t key0 = word(seed), key1 = word(seed >> 32);
    Block c{word(low), word(low >> 32), word(high), word(high >> 32)};
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
      c = {word(b >> 32) ^ c[1] ^ key0, word(b), word(a >> 32) ^ c[3] ^ key1, word(a)};
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
    return c;
  }

 private:
  static std::uint32_t word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
  static std::uint64_t join(std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; }

  std::uint64_t seed_, stream_;
  std::uint64_t position_ = 0;
  Block buffer_{};
  bool filled_ = false, none_ = false;
};

}  // namespace KEEL_ABI
}  // namespace keel
