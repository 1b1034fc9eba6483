// How much a loop keeps in registers at this level: sums, the weights that they share, and a value that all of them
// are multiplied with fill 32 registers, or 16. None of it enters the order of a sum.

struct Tiles {
  static constexpr bool large = KEEL_SIMD_REGISTERS == 32;

  /// Convolution: so many groups of neighbouring pixels, of `conv2d_pixels` or, for what is left, of `conv2d_rest`, by
  /// so many vectors of output channels.
  static constexpr int conv2d_groups = 2, conv2d_pixels = large ? 7 : 3, conv2d_rest = large ? 4 : 3;
  static constexpr int conv2d_vectors = 2;
  /// Gradient of its kernel: weights by vectors of output channels, and the weights of a shorter rest.
  static constexpr int gradient_weights = large ? 8 : 4, gradient_rest = 4, gradient_vectors = 2;
  /// Matrix product: rows by vectors of columns.
  static constexpr int gemm_rows = large ? 8 : 4, gemm_vectors = 3;
  /// Product of one row: the most vectors of columns whose sums stay in registers for the whole depth.
  static constexpr int gemv_vectors = large ? 24 : 14;
  /// Depthwise convolution: pixels of a column that goes down a strip, and of a run of any taps.
  static constexpr int depthwise_pixels = large ? 7 : 4, depthwise_run = 4;
};
