#pragma once
/// A vector of Eigen's with the operators of its values: what kernels are made of where the compiler has no vectors of
/// its own, or with KEEL_SIMD_OFF. As wide as Eigen's are under the compiler's flags; one value where Eigen has none.

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace simd {

/// Which lanes a comparison holds for.
template <class T>
struct EigenMask {
  typename Eigen::internal::packet_traits<T>::type bits;
};

template <class T>
struct EigenVector {
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  static constexpr int lanes = Eigen::internal::packet_traits<T>::size;

  EigenVector() = default;
  EigenVector(T value) : packet(Eigen::internal::pset1<Packet>(value)) {}
  static EigenVector of(const Packet& packet) {
    EigenVector vector;
    vector.packet = packet;
    return vector;
  }

  friend EigenVector operator+(EigenVector a, EigenVector b) { return of(Eigen::internal::padd(a.packet, b.packet)); }
  friend EigenVector operator-(EigenVector a, EigenVector b) { return of(Eigen::internal::psub(a.packet, b.packet)); }
  friend EigenVector operator*(EigenVector a, EigenVector b) { return of(Eigen::internal::pmul(a.packet, b.packet)); }
  friend EigenVector operator/(EigenVector a, EigenVector b) { return of(Eigen::internal::pdiv(a.packet, b.packet)); }
  friend EigenVector& operator+=(EigenVector& a, EigenVector b) { return a = a + b; }
  friend EigenVector operator-(EigenVector a) { return of(Eigen::internal::pnegate(a.packet)); }
  friend EigenMask<T> operator<(EigenVector a, EigenVector b) { return {Eigen::internal::pcmp_lt(a.packet, b.packet)}; }
  friend EigenMask<T> operator>(EigenVector a, EigenVector b) { return b < a; }
  friend EigenMask<T> operator<=(EigenVector a, EigenVector b) {
    return {Eigen::internal::pcmp_le(a.packet, b.packet)};
  }
  friend EigenMask<T> operator>=(EigenVector a, EigenVector b) { return b <= a; }
  friend EigenMask<T> operator==(EigenVector a, EigenVector b) {
    return {Eigen::internal::pcmp_eq(a.packet, b.packet)};
  }

  Packet packet;
};

}  // namespace simd
}  // namespace KEEL_ABI
}  // namespace keel
