#pragma once
/// PyTorch's types of values, as its files name them.

#include <keel/formats/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

struct TorchType {
  std::string_view name;     ///< torch.float32, as a pickle's global
  std::string_view storage;  ///< torch.FloatStorage, or nothing where PyTorch has none of its own
  DType dtype;
};
inline constexpr TorchType torch_types[] = {{"torch float32", "torch FloatStorage", DType::f32},
                                            {"torch float64", "torch DoubleStorage", DType::f64},
                                            {"torch float16", "torch HalfStorage", DType::f16},
                                            {"torch bfloat16", "torch BFloat16Storage", DType::bf16},
                                            {"torch int64", "torch LongStorage", DType::i64},
                                            {"torch int32", "torch IntStorage", DType::i32},
                                            {"torch int16", "torch ShortStorage", DType::i16},
                                            {"torch int8", "torch CharStorage", DType::i8},
                                            {"torch uint8", "torch ByteStorage", DType::u8},
                                            {"torch bool", "torch BoolStorage", DType::boolean},
                                            {"torch uint16", "", DType::u16},
                                            {"torch uint32", "", DType::u32},
                                            {"torch uint64", "", DType::u64}};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
