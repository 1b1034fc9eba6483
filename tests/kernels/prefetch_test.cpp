// Where kernels prefetch: memory that the call owns and touches, and nothing else. A prefetch outside walks the page
// table in vain, which costs more than the kernel where the pages do not exist.

#include <keel/tensor/abi.hpp>

// Other names than in the other files of this program, because the code is another.
#undef KEEL_ABI
#define KEEL_ABI prefetch_checked
#undef KEEL_INSTANCE
#define KEEL_INSTANCE(...)
void note_prefetch(const void* address);
#define KEEL_SIMD_PREFETCH(address, write, locality) note_prefetch(address)

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <keel/kernels/activation.hpp>
#include <keel/kernels/batch_norm.hpp>
#include <keel/kernels/conv2d/conv2d.hpp>
#include <keel/kernels/dense.hpp>

using keel::Conv2DGeometry;
using keel::Index;
using keel::SimdLevel;

namespace {

struct Range {
  std::uintptr_t begin, end;
  std::string name;
};
constexpr std::uintptr_t page = 4096;

std::vector<Range> owned;
std::vector<char> scratch_pages;  // 1 for those that were fetched
std::uintptr_t scratch_begin, scratch_end;
std::string outside;
Index fetched = 0;

/// Memory with an owner and a gap behind it.
template <class T>
struct Block {
  std::vector<T> memory;
  T* data() { return memory.data(); }
  Block(const std::string& name, Index count) : memory(static_cast<std::size_t>(count)) {
    std::uint32_t state = static_cast<std::uint32_t>(count);
    for (T& value : memory) {
      state = state * 1664525u + 1013904223u;
      value = static_cast<T>(state >> 8) / T(1 << 23) - 1;
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    owned.push_back({begin, begin + memory.size() * sizeof(T), name});
  }
};

/// Runs a kernel whose scratch memory, larger than it needs, holds signalling NaN.
template <class T>
void check(const std::string& what, SimdLevel level, const std::function<void(const keel::KernelContext&)>& kernel) {
  keel::Scratch scratch;
  const Index size = Index{12} << 20;
  const T poison = std::numeric_limits<T>::signaling_NaN();
  T* memory = nullptr;
  {
    keel::Scratch::Frame frame(scratch);
    memory = scratch.take<T>(size / Index{sizeof(T)});
    std::fill_n(memory, size / Index{sizeof(T)}, poison);
  }
  scratch_begin = reinterpret_cast<std::uintptr_t>(memory);
  scratch_end = scratch_begin + static_cast<std::uintptr_t>(size);
  scratch_pages.assign(static_cast<std::size_t>(size) / page + 2, 0);
  outside.clear();
  kernel({scratch, nullptr, level});
  CHECK_MESSAGE(outside == "", what << ", " << keel::to_string(level) << ": " << outside);
  REQUIRE(scratch.bytes() < static_cast<std::size_t>(size) + 65536);  // all in that one block
  for (std::size_t i = 0; i < scratch_pages.size(); ++i) {
    bool touched = scratch_pages[i] == 0;
    const std::uintptr_t at = (scratch_begin / page + i) * page;
    const std::uintptr_t from = (std::max)(at, scratch_begin), to = (std::min)(at + page, scratch_end);
    for (std::uintptr_t p = from; p + sizeof(T) <= to && !touched; p += sizeof(T))
      touched = std::memcmp(reinterpret_cast<const void*>(p), &poison, sizeof(T)) != 0;
    CHECK_MESSAGE(touched, what << ", " << keel::to_string(level) << ": scratch memory that nobody writes, "
                                << (at - scratch_begin) << " bytes in");
  }
}

template <class T>
bool holds_numbers(const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [](T value) { return value == value; });
}

std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> result{SimdLevel::baseline};
  for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512})
    if (level <= keel::best_simd_level()) result.push_back(level);
  return result;
}

Conv2DGeometry geometry(Index batch, Index extent, Index ci, Index co, Index taps, Index stride, Index groups = 1,
                        Index dilation = 1) {
  const Index pad = taps / 2 * dilation, out = (extent - 1) / stride + 1;
  Conv2DGeometry g;
  g.batch = batch;
  g.in_h = g.in_w = extent;
  g.in_c = ci;
  g.out_h = g.out_w = out;
  g.out_c = co;
  g.kernel_h = g.kernel_w = taps;
  g.stride_h = g.stride_w = stride;
  g.dilation_h = g.dilation_w = dilation;
  g.pad_top = g.pad_left = pad;
  g.groups = groups;
  return g;
}

}  // namespace

void note_prefetch(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  ++fetched;
  if (at >= scratch_begin && at < scratch_end) {
    scratch_pages[at / page - scratch_begin / page] = 1;
    return;
  }
  for (const Range& range : owned)
    if (at >= range.begin && at < range.end) return;
  std::uintptr_t behind = std::numeric_limits<std::uintptr_t>::max();
  for (const Range& range : owned)
    if (at >= range.end && at - range.end < behind) {
      behind = at - range.end;
      outside = std::to_string(behind) + " bytes behind " + range.name;
    }
  if (outside.empty()) outside = "before all memory";
}

TEST_CASE_TEMPLATE("prefetch: convolutions fetch only what they own and touch", T, float, double) {
  std::vector<Conv2DGeometry> geometries;
  for (const Index extent : {1, 7, 9, 16})
    for (const Index channels : {3, 16, 40})
      for (const Index taps : {1, 3}) {
        geometries.push_back(geometry(2, extent, channels, 40, taps, 1));
        geometries.push_back(geometry(1, extent, channels, 12, taps, 2));
      }
  geometries.push_back(geometry(1, 7, 256, 96, 1, 1));
  geometries.push_back(geometry(1, 7, 512, 512, 1, 1));
  geometries.push_back(geometry(1, 14, 32, 64, 3, 1, 2));
  geometries.push_back(geometry(1, 20, 3, 24, 7, 2));
  geometries.push_back(geometry(2, 9, 8, 20, 3, 1, 1, 2));
  for (const Index channels : {1, 16, 40})
    for (const Index stride : {1, 2}) {
      geometries.push_back(geometry(2, 9, channels + 1, channels + 1, 3, stride, channels + 1));
      geometries.push_back(geometry(1, 12, channels + 1, 2 * channels + 2, 5, stride, channels + 1));
    }
  for (const Conv2DGeometry& g : geometries) {
    const std::string name = std::to_string(g.in_h) + "x" + std::to_string(g.in_c) + " to " + std::to_string(g.out_c) +
                             ", " + std::to_string(g.kernel_h) + " taps, stride " + std::to_string(g.stride_h);
    owned.clear();
    Block<T> x("x", g.batch * g.in_h * g.in_w * g.in_c), y("y", g.batch * g.out_h * g.out_w * g.out_c);
    Block<T> kernel("kernel", g.kernel_size()), packed("packed", keel::conv2d_packed_size<T>(g));
    Block<T> dy("dy", g.batch * g.out_h * g.out_w * g.out_c), dx("dx", g.batch * g.in_h * g.in_w * g.in_c);
    Block<T> dkernel("dkernel", g.kernel_size()), bias("bias", g.out_c);
    keel::conv2d_pack(g, kernel.data(), packed.data());
    for (const SimdLevel level : levels()) {
      check<T>(name + ", forward", level, [&](const keel::KernelContext& context) {
        keel::conv2d_forward<T>(g, x.data(), packed.data(), {bias.data(), nullptr, keel::Activation::relu}, y.data(),
                                context, kernel.data());
      });
      check<T>(name + ", forward and packing", level, [&](const keel::KernelContext& context) {
        keel::conv2d_forward<T>(g, x.data(), nullptr, {}, y.data(), context, kernel.data());
      });
      check<T>(name + ", backward input", level, [&](const keel::KernelContext& context) {
        keel::conv2d_backward_input<T>(g, dy.data(), kernel.data(), dx.data(), context);
      });
      check<T>(name + ", backward kernel", level, [&](const keel::KernelContext& context) {
        keel::conv2d_backward_kernel<T>(g, x.data(), dy.data(), dkernel.data(), false, context);
      });
      CHECK(holds_numbers(y.memory));  // what nobody wrote was fetched, not used
      CHECK(holds_numbers(dx.memory));
      CHECK(holds_numbers(dkernel.memory));
    }
  }
  CHECK(fetched > 1000);
}

TEST_CASE_TEMPLATE("prefetch: dense layers fetch only what they own and touch", T, float, double) {
  for (const Index rows : {1, 3, 70})
    for (const Index in : {1, 300, 700})
      for (const Index out : {1, 10, 100, 600}) {
        const std::string name = std::to_string(rows) + " rows, " + std::to_string(in) + " to " + std::to_string(out);
        owned.clear();
        Block<T> x("x", rows * in), y("y", rows * out), kernel("kernel", in * out), dy("dy", rows * out);
        Block<T> dx("dx", rows * in), dkernel("dkernel", in * out);
        for (const SimdLevel level : levels()) {
          check<T>(name + ", forward", level, [&](const keel::KernelContext& context) {
            keel::dense_forward<T>(rows, in, out, x.data(), kernel.data(), {}, y.data(), context);
          });
          check<T>(name + ", backward input", level, [&](const keel::KernelContext& context) {
            keel::dense_backward_input<T>(rows, in, out, dy.data(), kernel.data(), dx.data(), context);
          });
          check<T>(name + ", backward kernel", level, [&](const keel::KernelContext& context) {
            keel::dense_backward_kernel<T>(rows, in, out, x.data(), dy.data(), dkernel.data(), false, context);
          });
          CHECK(holds_numbers(y.memory));
          CHECK(holds_numbers(dx.memory));
          CHECK(holds_numbers(dkernel.memory));
        }
      }
}

TEST_CASE("prefetch: the check sees what lies outside") {
  owned.clear();
  Block<float> x("x", 100);
  outside.clear();
  scratch_begin = scratch_end = 0;
  note_prefetch(x.data() + 99);
  CHECK(outside == "");
  note_prefetch(x.data() + 100);
  CHECK(outside == "0 bytes behind x");
}
