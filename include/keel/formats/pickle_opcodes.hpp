#pragma once
/// The opcodes of Python's pickles, protocols 2 to 5, by the names of pickletools, for the reader and the writer.
/// https://docs.python.org/3/library/pickletools.html

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

enum class PickleOp : unsigned char {
  // the pickle itself
  proto = 0x80,
  frame = 0x95,
  stop = '.',
  // the stack and the memo
  mark = '(',
  pop = '0',
  pop_mark = '1',
  binput = 'q',
  long_binput = 'r',
  memoize = 0x94,
  binget = 'h',
  long_binget = 'j',
  // numbers; binfloat alone is big-endian
  none = 'N',
  newtrue = 0x88,
  newfalse = 0x89,
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  long1 = 0x8a,
  long4 = 0x8b,
  binfloat = 'G',
  // texts and bytes, each after its length
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  binbytes = 'B',
  short_binbytes = 'C',
  binbytes8 = 0x8e,
  bytearray8 = 0x96,
  // containers
  empty_tuple = ')',
  tuple = 't',
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  empty_list = ']',
  append = 'a',
  appends = 'e',
  empty_dict = '}',
  setitem = 's',
  setitems = 'u',
  empty_set = 0x8f,
  additems = 0x90,
  frozenset = 0x91,
  // names and objects
  global = 'c',
  stack_global = 0x93,
  reduce = 'R',
  build = 'b',
  newobj = 0x81,
  newobj_ex = 0x92,
  binpersid = 'Q',
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
