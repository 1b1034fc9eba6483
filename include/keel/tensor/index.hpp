#pragma once
/// Signed indices on the standard library's containers, which count in std::size_t. Nothing here checks a range.

#include <cstddef>
#include <cstdint>
#include <utility>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What keel counts and indexes with: signed, so that a difference of two is right.
using Index = std::int64_t;

/// An index or a count that is not negative, as the standard library takes it.
constexpr std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }

/// The number of elements of a container.
template <class C>
constexpr Index count_of(const C& container) {
  return static_cast<Index>(container.size());
}

/// container[i].
template <class C>
constexpr decltype(auto) nth(C&& container, Index i) {
  return std::forward<C>(container)[static_cast<std::size_t>(i)];
}

}  // namespace KEEL_ABI
}  // namespace keel
