#include <keel/tensor/rng.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace keel;

TEST_CASE("Philox4x32-10 gives the numbers of Random123's known answers") {
  CHECK(Rng::block(0, 0, 0) == Rng::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint64_t ones = ~std::uint64_t{0};
  CHECK(Rng::block(ones, ones, ones) == Rng::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(Rng::block(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
        Rng::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("A stream is the blocks in order") {
  Rng rng(7, 9);
  for (std::uint64_t i = 0; i < 5; ++i)
    for (const std::uint32_t expected : Rng::block(7, i, 9)) CHECK(rng.next_u32() == expected);
  CHECK(rng.position() == 20);
}

TEST_CASE("seek jumps to any position") {
  Rng rng(3, 1);
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 23; ++i) numbers.push_back(rng.next_u32());
  for (const std::size_t start : {std::size_t{0}, std::size_t{1}, std::size_t{6}, std::size_t{19}}) {
    rng.seek(start);
    for (std::size_t i = start; i < numbers.size(); ++i) CHECK(rng.next_u32() == numbers[i]);
  }
}

TEST_CASE("Seeds and streams give different numbers, the same ones the same") {
  CHECK(Rng(1, 2).next_u64() == Rng(1, 2).next_u64());
  CHECK(Rng(1, 2).next_u64() != Rng(2, 1).next_u64());
  CHECK(Rng(1, 2).next_u64() != Rng(1, 3).next_u64());
  CHECK(Rng::stream_id({1, 2}) == Rng::stream_id({1, 2}));
  CHECK(Rng::stream_id({1, 2}) != Rng::stream_id({2, 1}));
  CHECK(Rng::stream_id({1}) != Rng::stream_id({1, 0}));
  CHECK(Rng::stream_id({0, 5}) != Rng::stream_id({5}));
}

TEST_CASE("Uniform numbers stay in range and have the right moments") {
  Rng rng(11);
  double sum = 0, squares = 0;
  const int count = 200000;
  for (int i = 0; i < count; ++i) {
    const double value = rng.uniform();
    REQUIRE(value >= 0);
    REQUIRE(value < 1);
    sum += value;
    squares += value * value;
  }
  CHECK(sum / count == doctest::Approx(0.5).epsilon(0.01));
  CHECK(squares / count - sum / count * sum / count == doctest::Approx(1.0 / 12).epsilon(0.02));
  for (int i = 0; i < 1000; ++i) {
    const double value = rng.uniform(-3, 5);
    REQUIRE(value >= -3);
    REQUIRE(value < 5);
  }
}

TEST_CASE("Normal numbers have the right moments; truncated ones stay within two deviations") {
  Rng rng(12);
  const int count = 200000;
  double moments[4] = {}, truncated = 0;
  for (int i = 0; i < count; ++i) {
    const double value = rng.normal();
    double power = 1;
    for (double& moment : moments) moment += (power *= value) / count;
    const double cut = rng.truncated_normal();
    REQUIRE(std::abs(cut) <= 2);
    truncated += cut * cut / count;
  }
  CHECK(std::abs(moments[0]) < 0.01);
  CHECK(moments[1] == doctest::Approx(1).epsilon(0.01));
  CHECK(std::abs(moments[2]) < 0.03);
  CHECK(moments[3] == doctest::Approx(3).epsilon(0.03));
  CHECK(std::sqrt(truncated) == doctest::Approx(0.8796256610342398).epsilon(0.01));
  CHECK(Rng(4).normal(10, 0) == 10);
}

TEST_CASE("below is uniform, also where the count is no power of two") {
  Rng rng(13);
  int hits[7] = {};
  for (int i = 0; i < 70000; ++i) ++hits[rng.below(7)];
  for (const int hit : hits) CHECK(std::abs(hit - 10000) < 400);
  CHECK(rng.below(1) == 0);
  // 2^64 is 2 2/3 times this count: a plain remainder would return its lower half in 56 % of the draws.
  const Index large = (Index{1} << 62) + (Index{1} << 61);
  int low = 0;
  for (int i = 0; i < 20000; ++i) low += rng.below(large) < large / 2;
  CHECK(std::abs(low - 10000) < 300);
  CHECK_THROWS_WITH_AS(rng.below(0), "[Rng::below] expected a count of 1 or more, got 0", ConfigError);
}

TEST_CASE("A permutation holds every index once, and all orders come equally often") {
  std::vector<Index> order = Rng(5).permutation(1000);
  CHECK(order == Rng(5).permutation(1000));
  CHECK(order != Rng(6).permutation(1000));
  std::sort(order.begin(), order.end());
  for (Index i = 0; i < 1000; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);

  Rng rng(14);
  std::map<std::vector<Index>, int> seen;
  for (int i = 0; i < 12000; ++i) ++seen[rng.permutation(3)];
  CHECK(seen.size() == 6);
  for (const auto& [permutation, hits] : seen) CHECK(std::abs(hits - 2000) < 200);
  CHECK(Rng(1).permutation(0).empty());
}
