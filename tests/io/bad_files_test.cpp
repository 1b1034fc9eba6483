/// Files that have to be refused, each with its reason: every applicable rule for every format. Reading one must
/// not use more memory than 4 times its size and 16 MiB.

#include <doctest/doctest.h>

#include "file_builder.hpp"
#include "support/allocations.hpp"

using namespace build;

namespace {

struct BadFile {
  std::string name, content, reason;
};
using BadFiles = std::vector<BadFile>;
using Reader = void (*)(ByteSpan);
using FileReader = void (*)(const formats::FileBytes&);

void as_safetensors(ByteSpan bytes) { read_safetensors(bytes, "f"); }
void as_npy(const formats::FileBytes& bytes) { formats::open_npy(bytes, "f"); }
void as_npz(const formats::FileBytes& bytes) { formats::open_npz(ZipReader(bytes, "f")); }
void as_keras_npz(ByteSpan bytes) { read_keras_npz(bytes, "f"); }
void as_torch(const formats::FileBytes& bytes) { formats::open_torch(bytes, "f"); }
void as_hdf5(const formats::FileBytes& bytes) { formats::open_hdf5(bytes, "f"); }
void as_json(ByteSpan bytes) { parse_json(formats::text_of(bytes), "f"); }
void as_config(ByteSpan bytes) { parse_json(formats::text_of(bytes), "f", {.allow_nonfinite = true}); }
void as_zip(const formats::FileBytes& bytes) {
  ZipReader zip(bytes, "f");
  for (const ZipMember& member : zip.members()) {
    Bytes storage;
    zip.read(member, storage);
  }
}
/// The text is model.json; `w.bin` of 16 bytes lies beside it.
void as_tfjs(ByteSpan bytes) {
  static const TemporaryDirectory directory;
  directory.write("w.bin", std::string(16, '\0'));
  read_tfjs(directory.write("model.json", formats::text_of(bytes)));
}

template <class Read>
void check_refused(const BadFile& file, const Read& read) {
  const std::size_t before = allocations.in_use;
  allocations.peak = before;
  std::string message = "accepted";
  try {
    read();
  } catch (const FormatError& error) {
    message = error.what();
  } catch (const std::exception& error) {
    message = std::string("not a FormatError: ") + error.what();
  }
  const std::size_t used = allocations.peak - before;
  CAPTURE(message);
  CHECK(message.find(file.reason) != message.npos);
  CHECK(used <= 4 * file.content.size() + (std::size_t{16} << 20));
}
void check_refused(const BadFiles& files, Reader read) {
  for (const BadFile& file : files) {
    CAPTURE(file.name);
    check_refused(file, [&] { read(formats::bytes_of(file.content)); });
  }
}
/// From memory and from a file.
void check_refused(const BadFiles& files, FileReader read) {
  for (const BadFile& file : files) {
    CAPTURE(file.name);
    check_refused(file, [&] { read(formats::bytes_of(file.content)); });
    const formats::FileBytes stored = in_file(file.content);
    check_refused(file, [&] { read(stored); });
  }
}

/// What every format has to refuse: nothing, a few bytes, and the files of other formats.
BadFiles common(Content own, bool is_json = false) {
  BadFiles files;
  for (std::size_t size = 0; size < 8; ++size)
    files.push_back({std::to_string(size) + " bytes", std::string("\x89HDF\r\n\x1a\n").substr(0, size), "expected"});
  const std::vector<std::pair<Content, std::string>> others = {
      {Content::safetensors, small_safetensors()},
      {Content::zip, zip({{"a", "b"}})},
      {Content::hdf5, small_hdf5()},
      {Content::pickle, "\x80\x02}."},
      {Content::npy, npy(npy_header, std::string(8, '\0'))},
      {Content::gzip, "\x1f\x8b\x08\0\0\0\0\0"s},
      {Content::git_lfs, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"},
      {Content::html, "<!DOCTYPE html><html>404</html>"},
      {Content::torch_tar, std::string(257, 'x') + "ustar" + std::string(250, '\0')},
      {Content::unknown, std::string(64, '\xff')}};
  for (const auto& [content, file] : others)
    if (content != own)
      files.push_back({std::string("it is ") + describe(content), file,
                       is_json || content == Content::unknown ? "expected" : describe(content)});
  return files;
}
BadFiles joined(BadFiles files, const BadFiles& more) {
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

std::string one(const std::string& entry) { return safetensors("{\"w\":" + entry + "}", std::string(8, '\0')); }
std::string shaped(const std::string& shape) {
  return one("{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[0,8]}");
}
std::string two(int b1, int e1, int b2, int e2, std::size_t data) {
  const auto entry = [](int b, int e) {
    return "{\"dtype\":\"U8\",\"shape\":[" + std::to_string(e - b) + "],\"data_offsets\":[" + std::to_string(b) + "," +
           std::to_string(e) + "]}";
  };
  return safetensors("{\"a\":" + entry(b1, e1) + ",\"b\":" + entry(b2, e2) + "}", std::string(data, '\0'));
}

BadFiles safetensors_files() {
  const std::string good = one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})");
  const auto length = [&](std::uint64_t value) { return patched(good, 0, little(value, 8)); };
  return {
      {"header length 0", length(0), "a header of 2 to"},
      {"header length 1", length(1), "a header of 2 to"},
      {"header length 2^63", length(std::uint64_t{1} << 63), "a header of 2 to"},
      {"header length 2^64-1", length(~std::uint64_t{0}), "a header of 2 to"},
      {"header length one beyond the file", length(good.size() - 7), "a header of 2 to"},
      {"header one byte short", length(good.size() - 8 - 9), "valid JSON"},
      {"header above the cap", little(100'000'001, 8) + "{" + std::string(100'000'000, ' '), "at most 100000000"},
      {"header not an object", safetensors("[1,2,3]"), "starts with {"},
      {"header after a space", safetensors(" {}"), "starts with {"},
      {"header with a byte order mark", safetensors("\xef\xbb\xbf{}"), "starts with {"},
      {"header with text after it", safetensors("{} x"), "valid JSON"},
      {"header of nothing but spaces", safetensors("        "), "starts with {"},
      {"entry is a number", one("3"), "an object with dtype"},
      {"entry is null", one("null"), "an object with dtype"},
      {"no dtype", one(R"({"shape":[2],"data_offsets":[0,8]})"), "the key dtype"},
      {"no shape", one(R"({"dtype":"F32","data_offsets":[0,8]})"), "the key shape"},
      {"no offsets", one(R"({"dtype":"F32","shape":[2]})"), "the key data_offsets"},
      {"dtype unknown", one(R"({"dtype":"F33","shape":[2],"data_offsets":[0,8]})"), "a dtype of BOOL"},
      {"dtype in small letters", one(R"({"dtype":"f32","shape":[2],"data_offsets":[0,8]})"), "a dtype of BOOL"},
      {"dtype complex", one(R"({"dtype":"C64","shape":[1],"data_offsets":[0,8]})"), "a dtype of BOOL"},
      {"dtype of 8-bit floats", one(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"), "a dtype of BOOL"},
      {"dtype a number", one(R"({"dtype":1,"shape":[2],"data_offsets":[0,8]})"), "dtype as text"},
      {"shape a number", shaped("2"), "shape as a list"},
      {"shape with a float", shaped("[2.0]"), "integers of 0 or more"},
      {"shape with 1e3", shaped("[1e3]"), "integers of 0 or more"},
      {"shape with -1", shaped("[-1]"), "integers of 0 or more"},
      {"shape with -0", shaped("[-0]"), "integers of 0 or more"},
      {"shape with a text", shaped("[\"2\"]"), "integers of 0 or more"},
      {"shape with null", shaped("[null]"), "integers of 0 or more"},
      {"shape nested", shaped("[[2]]"), "integers of 0 or more"},
      {"shape with true", shaped("[true]"), "integers of 0 or more"},
      {"shape 2^32 x 2^32", shaped("[4294967296,4294967296]"), "at most 2^40"},
      {"shape 2^63 x 2", shaped("[9223372036854775808,2]"), "at most 2^40"},
      {"shape 2^62-1", shaped("[4611686018427387903]"), "at most 2^40"},
      {"shape 2^64", shaped("[18446744073709551616]"), "an integer that fits 64 bits"},
      {"shape 2^62 elements of 4 bytes wrap to 0", shaped("[4611686018427387904]"), "at most 2^40"},
      {"shape of 9 axes", shaped("[1,1,1,1,1,1,1,1,2]"), "at most 8 axes"},
      {"shape of 10000 axes",
       shaped("[1" +
              std::string(20000, ' ')
                  .replace(0, 0,
                           [] {
                             std::string ones;
                             for (int i = 0; i < 9999; ++i) ones += ",1";
                             return ones;
                           }()) +
              "]"),
       "at most 8 axes"},
      {"shape too small", shaped("[1]"), "4 bytes for shape (1)"},
      {"shape too large", shaped("[3]"), "12 bytes for shape (3)"},
      {"offsets reversed", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "data_offsets in order"},
      {"offsets negative", one(R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})"), "integers of 0 or more"},
      {"offsets of one number", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "2 data_offsets"},
      {"offsets of three numbers", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})"), "2 data_offsets"},
      {"offsets beyond the file", one(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"), "the file is cut short"},
      {"begin beyond the file", one(R"({"dtype":"F32","shape":[2],"data_offsets":[800,808]})"), "there is a hole"},
      {"offsets near 2^64",
       one(R"({"dtype":"F32","shape":[2],"data_offsets":[18446744073709551607,18446744073709551615]})"),
       "there is a hole"},
      {"overlap", two(0, 4, 2, 6, 6), "ranges overlap"},
      {"the same range twice", two(0, 4, 0, 4, 4), "ranges overlap"},
      {"a range inside another", two(0, 8, 2, 4, 8), "ranges overlap"},
      {"hole between tensors", two(0, 4, 6, 8, 8), "there is a hole"},
      {"hole at the start", two(2, 4, 4, 8, 8), "there is a hole"},
      {"something after the last tensor", two(0, 4, 4, 8, 9), "something after the last tensor"},
      {"last tensor cut by a byte", two(0, 4, 4, 8, 7), "the file is cut short"},
      {"data without tensors", safetensors("{}", "x"), "something after the last tensor"},
      {"two tensors of one name",
       safetensors(
           R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
           "ab"),
       "two keys 'w'"},
      {"the key dtype twice", one(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"),
       "two keys 'dtype'"},
      {"metadata twice", safetensors(R"({"__metadata__":{},"__metadata__":{}})"), "two keys '__metadata__'"},
      {"metadata a text", safetensors(R"({"__metadata__":"x"})"), "__metadata__ as an object"},
      {"metadata with a number", safetensors(R"({"__metadata__":{"a":1}})"), "__metadata__ of texts"},
      {"metadata nested", safetensors(R"({"__metadata__":{"a":{}}})"), "__metadata__ of texts"},
      {"name with a zero byte", safetensors(R"({"a\u0000b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "without control characters"},
      {"name with a line break", safetensors(R"({"a\nb":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "without control characters"},
      {"name of invalid UTF-8", safetensors("{\"\xff\":{}}"), "valid JSON"},
      {"nesting of 100000", safetensors("{\"a\":" + std::string(100000, '[')), "at most 64 levels"},
      {"many numbers in a shape",
       shaped("[1" +
              [] {
                std::string ones;
                for (int i = 0; i < 3'000'000; ++i) ones += ",1";
                return ones;
              }() +
              "]"),
       "memory"},
  };
}

BadFiles json_files() {
  const auto number = [](const std::string& text) { return "{\"a\":" + text + "}"; };
  BadFiles files = {{"NaN", number("NaN"), "valid JSON"},
                    {"Infinity", number("Infinity"), "valid JSON"},
                    {"-Infinity", number("-Infinity"), "valid JSON"},
                    {"1e999", number("1e999"), "valid JSON"},
                    {"01", number("01"), "valid JSON"},
                    {"+1", number("+1"), "valid JSON"},
                    {".5", number(".5"), "valid JSON"},
                    {"1.", number("1."), "valid JSON"},
                    {"0x10", number("0x10"), "valid JSON"},
                    {"an integer of 2^64", number("18446744073709551616"), "fits 64 bits"},
                    {"an integer of -2^63-1", number("-9223372036854775809"), "fits 64 bits"},
                    {"an integer of 400 digits", number(std::string(400, '9')), "fits 64 bits"},
                    {"lone high surrogate", number(R"("\ud800")"), "valid JSON"},
                    {"lone low surrogate", number(R"("\udc00")"), "valid JSON"},
                    {"surrogate and a letter", number(R"("\ud800a")"), "valid JSON"},
                    {"invalid UTF-8", number("\"\xff\""), "valid JSON"},
                    {"overlong UTF-8", number("\"\xc0\x80\""), "valid JSON"},
                    {"encoded surrogate", number("\"\xed\xa0\x80\""), "valid JSON"},
                    {"cut UTF-8", number("\"\xe2\x82\""), "valid JSON"},
                    {"byte order mark", "\xef\xbb\xbf{}", "a byte order mark"},
                    {"line break in a text", number("\"a\nb\""), "valid JSON"},
                    {"zero byte in a text", number("\"a\0b\""s), "valid JSON"},
                    {"unknown escape", number(R"("\x41")"), "valid JSON"},
                    {"single quotes", "{'a':1}", "valid JSON"},
                    {"comment", "{/* */}", "valid JSON"},
                    {"comma at the end of a list", "[1,]", "valid JSON"},
                    {"comma at the end of an object", "{\"a\":1,}", "valid JSON"},
                    {"no comma", "[1 2]", "valid JSON"},
                    {"no colon", "{\"a\" 1}", "valid JSON"},
                    {"key not a text", "{1:2}", "valid JSON"},
                    {"two values", "{}{}", "valid JSON"},
                    {"True", number("True"), "valid JSON"},
                    {"unclosed object", "{\"a\":1", "valid JSON"},
                    {"unclosed text", "{\"a", "valid JSON"},
                    {"two keys", "{\"a\":1,\"b\":2,\"a\":3}", "two keys 'a'"},
                    {"two keys, one escaped", "{\"a\":1,\"\\u0061\":3}", "two keys 'a'"},
                    {"100000 lists", std::string(100000, '['), "at most 64 levels"},
                    {"65 lists", std::string(65, '[') + std::string(65, ']'), "at most 64 levels"},
                    {"objects in objects",
                     [] {
                       std::string text;
                       for (int i = 0; i < 50000; ++i) text += "{\"a\":";
                       return text;
                     }(),
                     "at most 64 levels"},
                    {"a million empty lists",
                     "[" +
                         [] {
                           std::string text = "[]";
                           for (int i = 0; i < 1'000'000; ++i) text += ",[]";
                           return text;
                         }() +
                         "]",
                     "memory"}};
  return files;
}

BadFiles npy_files() {
  const std::string data(8, '\0');
  const auto with = [&](const std::string& descr, const std::string& order = "False",
                        const std::string& shape = "(2,)") {
    return npy("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n", data);
  };
  const auto shape = [&](const std::string& value) { return with("'<f4'", "False", value); };
  const std::string good = npy(npy_header, data);
  return {
      {"version 0", patched(good, 6, "\0"s), "version 1.0, 2.0 or 3.0"},
      {"version 4", patched(good, 6, "\4"), "version 1.0, 2.0 or 3.0"},
      {"version 1.1", patched(good, 7, "\1"), "version 1.0, 2.0 or 3.0"},
      {"header length 0xfffffff0 in 12 bytes", "\x93NUMPY\2\0\xf0\xff\xff\xff"s, "a header of at most 65536"},
      {"header length beyond the file", patched(good, 8, "\xff\x00"s), "the header of 255 bytes"},
      {"header length 65537", npy(npy_header + std::string(65537 - npy_header.size(), ' '), data, 2), "at most 65536"},
      {"header empty", npy("", data), "'{'"},
      {"header not a dict", npy("[1]\n", data), "'{'"},
      {"header not closed", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", data), "'}'"},
      {"header with code after it", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}; import os", data),
       "the end of the header"},
      {"header with a call", npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}", data), "'\"'"},
      {"no descr", npy("{'fortran_order': False, 'shape': (2,), }", data), "the keys descr"},
      {"no fortran_order", npy("{'descr': '<f4', 'shape': (2,), }", data), "the keys descr"},
      {"no shape", npy("{'descr': '<f4', 'fortran_order': False, }", data), "the keys descr"},
      {"descr twice", npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", data),
       "once each"},
      {"another key", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", data), "once each"},
      {"descr <ixy", with("'<ixy'"), "a type of booleans"},
      {"descr empty", with("''"), "a type of booleans"},
      {"descr of objects", with("'|O'"), "objects are pickles"},
      {"descr of texts", with("'<U4'"), "a type of booleans"},
      {"descr complex", with("'<c8'"), "a type of booleans"},
      {"descr structured", with("[('a', '<f4')]"), "'\"'"},
      {"descr of 16-byte floats", with("'<f16'"), "a type of booleans"},
      {"descr without an order", with("'|f4'"), "a type of booleans"},
      {"descr in native order", with("'=f4'"), "a type of booleans"},
      {"descr with an escape", with("'<f\\x34'"), "text in quotes"},
      {"order 1", with("'<f4'", "1"), "True or False"},
      {"order true", with("'<f4'", "true"), "True or False"},
      {"shape [2]", shape("[2]"), "'('"},
      {"shape (2)", shape("(2)"), "a tuple such as (3,)"},
      {"shape (-1,)", shape("(-1,)"), "an integer of 0 or more"},
      {"shape (2.0,)", shape("(2.0,)"), "')' or ','"},
      {"shape (1e3,)", shape("(1e3,)"), "')' or ','"},
      {"shape (2L,)", shape("(2L,)"), "')' or ','"},
      {"shape (None,)", shape("(None,)"), "an integer of 0 or more"},
      {"shape of 2^64", shape("(18446744073709551616,)"), "fits 64 bits"},
      {"shape 2^32 x 2^32", shape("(4294967296, 4294967296)"), "at most 2^40"},
      {"shape 2^63 x 2", shape("(9223372036854775808, 2)"), "at most 2^40"},
      {"shape 2^62", shape("(4611686018427387904,)"), "at most 2^40"},
      {"shape of 9 axes", shape("(1,1,1,1,1,1,1,1,2)"), "at most 8 axes"},
      {"shape of 100 axes",
       shape("(" +
             std::string(200, '1').replace(0, 200,
                                           [] {
                                             std::string ones;
                                             for (int i = 0; i < 100; ++i) ones += "1,";
                                             return ones;
                                           }()) +
             ")"),
       "more than 64"},
      {"shape smaller than the data", shape("(1,)"), "4 bytes for shape (1)"},
      {"shape larger than the data", shape("(3,)"), "12 bytes for shape (3)"},
      {"shape of 2^40 bytes", shape("(274877906944,)"), "bytes for shape"},
      {"something after the data", good + "x", "8 bytes for shape (2)"},
  };
}

BadFiles zip_files() {
  const std::string good = zip({{"a", "first"}, {"b", "second"}}), central = "PK\1\2";
  const auto end = [&](std::ptrdiff_t at, const std::string& with) { return patched(good, -22 + at, with); };
  const std::string local_b = "PK\3\4";
  const std::string bomb_stored = [] {  // deflated: 'a' repeated by one stored block
    return "\1\3\0\xfc\xff"s + "aaa";
  }();
  const std::uint32_t crc_aaa = formats::crc32_of(formats::bytes_of("aaa"));
  BadFiles files = {
      {"cut by a byte", good.substr(0, good.size() - 1), "a zip directory at the end"},
      {"a byte after the end", good + "x", "a zip directory at the end"},
      {"a comment", end(20, "\1\0"s) + "x", "a zip directory at the end"},
      {"a declared comment", end(20, "\1\0"s), "parts or a comment"},
      {"something before the archive", "PK\3\4" + good, "something stands before the archive"},
      {"a second directory after the first", good + good.substr(good.size() - 22),
       "a zip directory that ends the file"},
      {"of several disks", end(4, "\1\0"s), "parts or a comment"},
      {"directory on another disk", end(6, "\1\0"s), "parts or a comment"},
      {"counts that differ", end(8, "\1\0"s), "a zip directory that ends the file"},
      {"one member more", end(8, "\3\0\3\0"s), "at most 2 members"},
      {"one member fewer", end(8, "\1\0\1\0"s), "the end of the directory"},
      {"60000 members", end(8, "\x60\xea\x60\xea"s), "at most"},
      {"directory size 0", end(12, little(0, 4)), "a zip directory that ends the file"},
      {"directory beyond the file", end(16, little(0xfffffff0, 4)), "a zip directory that ends the file"},
      {"directory size 2^32-1", end(12, little(0xffffffff, 4)), "a zip directory that ends the file"},
      {"directory mark", patched(good, central, 0, "XX"), "a member of the directory"},
      {"encrypted", patched(good, central, 8, "\1\0"s), "a member that is not encrypted"},
      {"strongly encrypted", patched(good, central, 8, "\x40\0"s), "a member that is not encrypted"},
      {"masked header", patched(good, central, 8, "\0\x20"s), "a member that is not encrypted"},
      {"encrypted in the local header only", patched(good, local_b, 6, "\1\0"s), "agrees with the directory"},
      {"method 1", patched(good, central, 10, "\1\0"s), "compression method 1"},
      {"method bzip2", patched(good, central, 10, "\x0c\0"s), "compression method 12"},
      {"method zstd", patched(good, central, 10, "\x5d\0"s), "compression method 93"},
      {"method AES", patched(good, central, 10, "\x63\0"s), "compression method 99"},
      {"method in the local header only", patched(good, local_b, 8, "\x08\0"s), "agrees with the directory"},
      {"checksum in the directory only", patched(good, central, 16, "zzzz"), "agrees with the directory"},
      {"checksum in both", patched(patched(good, central, 16, "zzzz"), local_b, 14, "zzzz"), "a wrong checksum"},
      {"content changed", patched(good, "first", 0, "F"), "a wrong checksum"},
      {"stored sizes that differ", patched(good, central, 24, "\7\0\0\0"s), "a stored member of 5 bytes"},
      {"size in the local header only", patched(good, local_b, 22, "\7\0\0\0"s), "agrees with the directory"},
      {"size beyond the file", patched(good, central, 20, little(5000, 4) + little(5000, 4)),
       "agrees with the directory"},
      {"size beyond the file in both",
       patched(patched(good, central, 20, little(5000, 4) + little(5000, 4)), local_b, 18,
               little(5000, 4) + little(5000, 4)),
       "data of 5000 bytes"},
      {"zip64 without its field", patched(good, central, 24, little(0xffffffff, 4)), "a zip64 field"},
      {"offset of zip64 without its field", patched(good, central, 42, little(0xffffffff, 4)), "a zip64 field"},
      {"offset beyond the file", patched(good, central, 42, little(0x7fffffff, 4)), "the local header inside"},
      {"offset into another member", patched(good, central, 42, little(3, 4), 1), "a local header"},
      {"both members at one place", patched(good, central, 42, little(0, 4), 1), "the same name in the local header"},
      {"name in the local header only", patched(good, local_b, 30, "x"), "the same name"},
      {"name length beyond the directory", patched(good, central, 28, "\xff\xff"), "name of 65535 bytes"},
      {"extra field beyond the directory", patched(good, central, 30, "\xff\xff"), "extra field of 65535"},
      {"member of another disk", patched(good, central, 34, "\1\0"s), "a member in this file"},
      {"two members of one name", zip({{"a", "1"}, {"a", "2"}}), "two tensors 'a'"},
      {"name ../a", zip({{"../a", "1"}}), "without . and .."},
      {"name a/../../b", zip({{"a/../../b", "1"}}), "without . and .."},
      {"name a/..", zip({{"a/..", "1"}}), "without . and .."},
      {"name ./a", zip({{"./a", "1"}}), "without . and .."},
      {"name /etc/passwd", zip({{"/etc/passwd", "1"}}), "a relative name"},
      {"name C:\\a", zip({{"C:\\a", "1"}}), "a relative name"},
      {"name with .. behind a backslash", zip({{"a\\..\\b", "1"}}), "a name without . and .."},
      {"name empty", zip({{"", "1"}}), "a relative name"},
      {"name with a zero byte", zip({{"a\0b"s, "1"}}), "a relative name"},
      {"name of invalid UTF-8", zip({{"\xff", "1"}}), "a name in UTF-8"},
      {"deflated to more than declared", deflated("a", bomb_stored, 2, crc_aaa), "deflated data of 2 bytes"},
      {"deflated to less than declared", deflated("a", bomb_stored, 4, crc_aaa), "only 3"},
      {"deflated and cut", deflated("a", bomb_stored.substr(0, 6), 3, crc_aaa), "deflated data of 3 bytes"},
      {"deflated with bytes after it", deflated("a", bomb_stored + "x", 3, crc_aaa), "deflated data of 3 bytes"},
      {"deflated and damaged", deflated("a", "\xff" + bomb_stored, 3, crc_aaa), "damaged data"},
      {"deflated with a wrong checksum", deflated("a", bomb_stored, 3, 1), "a wrong checksum"},
      {"declares 4 GB in 8 bytes", deflated("a", bomb_stored, 0xfffffff0, crc_aaa), "a zip bomb"},
      {"declares 8257 bytes in 8", deflated("a", bomb_stored, 1032 * 9, crc_aaa), "a zip bomb"},
      {"an empty deflate stream", deflated("a", "", 0, 0), "deflated data of 0 bytes"},
  };
  // Two members over the same bytes, as the bombs of Fifield have them.
  std::string inner = zip({{"in", std::string(100, 'x')}});
  std::string outer = zip({{"out", inner}, {"in", "y"}});
  const std::size_t second = outer.rfind("PK\1\2"), local = outer.find("PK\3\4", 4);
  outer = patched(outer, static_cast<std::ptrdiff_t>(second + 42), little(local, 4));
  outer = patched(outer, static_cast<std::ptrdiff_t>(second + 16), outer.substr(local + 14, 12));
  files.push_back({"a member inside another", outer, "overlapping ones"});
  // A zip64 directory that says something else than the plain one.
  const std::size_t start = good.find(central), tail = good.size() - 22;
  const auto zip64 = [&](std::uint64_t members, std::uint64_t record) {
    return good.substr(0, tail) + "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
           little(members, 8) + little(members, 8) + little(tail - start, 8) + little(start, 8) + "PK\6\7" +
           little(0, 4) + little(record, 8) + little(1, 4) + good.substr(tail);
  };
  files.push_back({"zip64 with another count", zip64(3, tail), "agrees with the plain one"});
  files.push_back({"zip64 locator to elsewhere", zip64(2, tail - 1), "right before its locator"});
  files.push_back({"zip64 locator beyond the file", zip64(2, ~std::uint64_t{0}), "right before its locator"});
  return files;
}

BadFiles npz_files() {
  const std::string good = npy(npy_header, std::string(8, '\0'));
  return {
      {"a member that is no array", zip({{"a.npy", good}, {"b.txt", "x"}}), "members NAME.npy"},
      {"a member without a name", zip({{".npy", good}}), "members NAME.npy"},
      {"a member that is empty", zip({{"a.npy", ""}}), "an empty file"},
      {"a member that is a pickle", zip({{"a.npy", "\x80\x02}."}}), "a Python pickle"},
      {"header length beyond the member", zip({{"a.npy", patched(good, 8, "\xff\xff")}}), "the header of 65535 bytes"},
      {"array beyond the member", zip({{"a.npy", good.substr(0, good.size() - 1)}}), "8 bytes for shape (2)"},
      {"a Keras file", zip({{"metadata.json", "{}"}, {"config.json", "{}"}}), "members NAME.npy"}};
}

BadFiles torch_files() {
  const auto global = [](const std::string& name) {
    return torch(
        "\x80\x02"
        "c" +
        name + "\n)R.");
  };
  const auto tensor = [](auto&& change) {
    TorchTensor value;
    change(value);
    return tensor_file(value);
  };
  const std::string good = dict({{"w", TorchTensor{}.pickled()}});
  const auto raw = [](const std::string& body) { return torch("\x80\x02" + body); };
  BadFiles files = {
      {"no data.pkl", zip({{"archive/version", "3\n"}}), "a zip without one"},
      {"data.pkl without a folder", zip({{"data.pkl", good}}), "a zip without one"},
      {"two data.pkl", zip({{"a/data.pkl", good}, {"b/data.pkl", good}}), "one data.pkl"},
      {"a TorchScript program", torch(good, {{"archive/constants.pkl", "x"}}), "a TorchScript program"},
      {"big-endian", torch(good, {{"archive/byteorder", "big"}}), "little-endian order"},
      {"pickle empty", torch(""), "PROTO of 1 bytes"},
      {"pickle of protocol 0", torch("(dp0\n."), "protocol 2 to 5"},
      {"pickle of protocol 1", torch("\x80\1}."), "protocol 1"},
      {"pickle of protocol 6", torch("\x80\6}."), "protocol 6"},
      {"pickle without STOP", raw("}"), "an opcode of 1 bytes"},
      {"something after STOP", raw("}.}"), "the end of data.pkl"},
      {"nothing on the stack", raw("."), "a value on the stack"},
      {"two values on the stack", raw("}}."), "one value at the end"},
      {"a mark left", raw("(}."), "one value at the end"},
      {"os.system",
       torch("\x80\x02"
             "cos\nsystem\n" +
             unicode("true") + "\x85R."),
       "names 'os system'"},
      {"posix.system", global("posix\nsystem"), "names 'posix system'"},
      {"builtins.eval", global("builtins\neval"), "names 'builtins eval'"},
      {"builtins.exec", global("builtins\nexec"), "names 'builtins exec'"},
      {"builtins.getattr", global("builtins\ngetattr"), "names 'builtins getattr'"},
      {"__builtin__.eval", global("__builtin__\neval"), "names '__builtin__ eval'"},
      {"subprocess.Popen", global("subprocess\nPopen"), "names 'subprocess Popen'"},
      {"torch.load", global("torch\nload"), "names 'torch load'"},
      {"torch.hub.load", global("torch.hub\nload"), "names 'torch.hub load'"},
      {"torch.jit", global("torch.jit._pickle\nrestore_type_tag"), "restore_type_tag"},
      {"numpy scalar", global("numpy.core.multiarray\nscalar"), "numpy.core.multiarray scalar"},
      {"a class of the program", global("__main__\nNet"), "save model.state_dict()"},
      {"a layer", global("torch.nn.modules.linear\nLinear"), "save model.state_dict()"},
      {"a name with a dot in it", global("collections\nOrderedDict.fromkeys"), "OrderedDict.fromkeys"},
      {"a name that goes on", global("collections\nOrderedDictX"), "OrderedDictX"},
      {"a name of 300 bytes",
       torch("\x80\x02"
             "c" +
             std::string(300, 'a') + "\nb\n."),
       "at most 256 bytes"},
      {"a name without an end",
       torch("\x80\x02"
             "ctorch"),
       "a line of 1 bytes"},
      {"STACK_GLOBAL of os.system", torch("\x80\4\x8c\2os\x8c\6system\x93."), "names 'os system'"},
      {"STACK_GLOBAL of numbers", torch("\x80\4K\1K\2\x93."), "a name as texts"},
      {"REDUCE of a text", raw(unicode("os") + ")R."), "a call of a known name"},
      {"REDUCE of a storage type", raw("ctorch\nFloatStorage\n)R."), "a call of a known function"},
      {"REDUCE with a list", raw("ccollections\nOrderedDict\n]R."), "a call of a known name"},
      {"REDUCE of OrderedDict with pairs", raw("ccollections\nOrderedDict\n}\x85R."), "one with arguments"},
      {"REDUCE of one value", raw(")R."), "a value on the stack"},
      {"BUILD of a list", raw("]}b."), "BUILD of a dict only"},
      {"BUILD with a text", raw("}" + unicode("x") + "b."), "attributes as a dict"},
      {"INST", raw("(ios\nsystem\n."), "opcode 0x69"},
      {"OBJ", raw("(c__main__\nNet\no."), "opcode 0x6f"},
      {"NEWOBJ", raw("ccollections\nOrderedDict\n)\x81."), "opcode 0x81"},
      {"NEWOBJ_EX", raw("ccollections\nOrderedDict\n)}\x92."), "opcode 0x92"},
      {"EXT1", raw("\x82\1."), "opcode 0x82"},
      {"EXT2", raw("\x83\1\0."s), "opcode 0x83"},
      {"EXT4", raw("\x84\1\0\0\0."s), "opcode 0x84"},
      {"PERSID as text", raw("P0\n."), "opcode 0x50"},
      {"GET as text", raw("}g0\n."), "opcode 0x67"},
      {"LONG4 beyond the end", raw("\x8b\xff\xff\xff\x7f."), "an integer of 2147483647 bytes"},
      {"LONG4 of a negative length", raw("\x8b\xff\xff\xff\xff."), "an integer of 4294967295 bytes"},
      {"LONG1 of 9 bytes", raw("\x8a\x09" + std::string(9, '\1') + "."), "names 'builtins int'"},
      {"LONG1 beyond the end", raw("\x8a\x08\1"), "an integer of 8 bytes"},
      {"BYTEARRAY8 by itself", raw("\x96" + little(1, 8) + "x."), "the first 'builtins.bytes'"},
      {"BYTEARRAY8 beyond the end", raw("\x96" + little(9, 8) + "x."), "a text of 9 bytes"},
      {"NEXT_BUFFER", raw("\x97."), "opcode 0x97"},
      {"READONLY_BUFFER", raw("}\x98."), "opcode 0x98"},
      {"BINBYTES by itself", raw("B" + little(1, 4) + "x."), "the first 'builtins.bytes'"},
      {"DUP", raw("}2."), "opcode 0x32"},
      {"text beyond the end",
       raw("X\xff\xff\xff\xff"
           "a"),
       "a text of 4294967295 bytes"},
      {"text of 2^64-1", raw("\x8d" + little(~std::uint64_t{0}, 8) + "a"), "a text of 18446744073709551615"},
      {"memo never set", raw("h\5."), "a value remembered before"},
      {"long memo never set", raw("j\xff\xff\xff\xff."), "a value remembered before"},
      {"memo of nothing", raw("q\1}."), "a value to remember"},
      {"tuple without a mark", raw("t."), "a mark on the stack"},
      {"tuple of 3 from 1", raw("}\x87."), "a value on the stack"},
      {"value from below a mark", raw("}(K\1s."), "a value on the stack"},
      {"SETITEMS of an odd number", raw("}(K\1u."), "keys and values in pairs"},
      {"SETITEMS on a list", raw("](K\1K\2u."), "a dict"},
      {"APPEND on a dict", raw("}K\1a."), "a list"},
      {"nothing but a list as key", raw("}]K\1s."), "other objects only"},
      {"two keys", torch(dict({{"w", "K\1"}, {"w", "K\2"}})), "two values 'w'"},
      {"two tensors of one name", torch(dict({{"w", TorchTensor{}.pickled()}, {"w", TorchTensor{}.pickled()}})),
       "two tensors 'w'"},
      {"two names that join to one",
       torch(dict({{"a.w", TorchTensor{}.pickled()}, {"a", "}" + unicode("w") + TorchTensor{}.pickled() + "s"}})),
       "two tensors 'a.w'"},
      {"name of invalid UTF-8", torch(dict({{"\xff", TorchTensor{}.pickled()}})), "a name in UTF-8"},
      {"name with a zero byte", torch(dict({{"a\0b"s, TorchTensor{}.pickled()}})), "without control characters"},
      {"10^7 marks", raw(std::string(10'000'000, '(')), "at most 10000 marks"},
      {"10^7 empty dicts", raw(std::string(10'000'000, '}')), "memory"},
      {"10^7 nones", raw(std::string(10'000'000, 'N')), "memory"},
      {"10^6 memos",
       raw("}" +
           [] {
             std::string body;
             for (std::uint64_t i = 0; i < 1'000'000; ++i) body += "r" + little(i, 4);
             return body;
           }()),
       "memory"},
      {"a list that holds itself", raw("]q\0h\0a."s), "at most 64 levels"},
      {"lists that double 60 times", raw([] {
         std::string body = "]q\0K\1a"s;
         for (char i = 1; i < 60; ++i)
           body += "]q"s + i + "(h"s + static_cast<char>(i - 1) + "h"s + static_cast<char>(i - 1) + "e";
         return body + ".";
       }()),
       "one value at the end"},
      {"tuples that double 60 times", raw([] {
         std::string body = "K\1\x85"s;
         for (int i = 0; i < 60; ++i) body += "q\0h\0\x86"s;
         return body + ".";
       }()),
       "memory"},
      {"nested 10000 deep", raw(")" + std::string(10000, '\x85') + "."), "at most 64 levels"},
      {"the storage is missing", tensor([](TorchTensor& t) { t.key = "1"; }), "the member data/1"},
      {"the storage is elsewhere", tensor([](TorchTensor& t) { t.key = "../data.pkl"; }),
       "the member data/../data.pkl"},
      {"numel larger than the storage", tensor([](TorchTensor& t) { t.numel = integer(5); }), "a storage of 20 bytes"},
      {"numel smaller than the storage", tensor([](TorchTensor& t) { t.numel = integer(3); }), "a storage of 12 bytes"},
      {"numel negative", tensor([](TorchTensor& t) { t.numel = integer(-4); }), "an integer of 0 or more"},
      {"numel 2^62", tensor([](TorchTensor& t) { t.numel = integer(std::int64_t{1} << 62); }), "fits 64 bits"},
      {"numel none", tensor([](TorchTensor& t) { t.numel = "N"; }), "an integer of 0 or more"},
      {"offset beyond the storage", tensor([](TorchTensor& t) { t.offset = integer(1); }), "inside its storage of 4"},
      {"offset negative", tensor([](TorchTensor& t) { t.offset = integer(-1); }), "an integer of 0 or more"},
      {"offset 2^63-1", tensor([](TorchTensor& t) { t.offset = integer(INT64_MAX); }), "inside its storage of 4"},
      {"stride beyond the storage", tensor([](TorchTensor& t) { t.stride = "(" + integer(3) + integer(1) + "t"; }),
       "inside its storage of 4"},
      {"stride negative", tensor([](TorchTensor& t) { t.stride = "(" + integer(-2) + integer(1) + "t"; }), "0 or more"},
      {"stride 0", tensor([](TorchTensor& t) { t.stride = "(" + integer(0) + integer(1) + "t"; }),
       "call .contiguous()"},
      {"stride that wraps", tensor([](TorchTensor& t) {
         t.size = "(" + integer(5) + integer(2) + "t";
         t.stride = "(" + integer(std::int64_t{1} << 62) + integer(1) + "t";
       }),
       "strides within 64 bits"},
      {"strides fewer than axes", tensor([](TorchTensor& t) { t.stride = "(" + integer(1) + "t"; }),
       "a stride for each"},
      {"expanded to 2^40 elements",
       tensor([](TorchTensor& t) { t.size = "(" + integer(1 << 20) + integer(1 << 20) + "t"; }),
       "inside its storage of 4"},
      {"expanded by stride 0", tensor([](TorchTensor& t) {
         t.size = "(" + integer(1 << 20) + integer(1 << 20) + "t";
         t.stride = "(" + integer(0) + integer(0) + "t";
       }),
       "strides above 0"},
      {"shape 2^32 x 2^32", tensor([](TorchTensor& t) {
         t.size = "(" + integer(std::int64_t{1} << 32) + integer(std::int64_t{1} << 32) + "t";
       }),
       "at most 2^40"},
      {"shape negative", tensor([](TorchTensor& t) { t.size = "(" + integer(-2) + integer(2) + "t"; }), "0 or more"},
      {"shape of 9 axes", tensor([](TorchTensor& t) {
         std::string ones;
         for (int i = 0; i < 9; ++i) ones += integer(1);
         t.size = t.stride = "(" + ones + "t";
       }),
       "at most 8 axes"},
      {"shape a list", tensor([](TorchTensor& t) { t.size = "]"; }), "a tuple of integers"},
      {"shape of floats", tensor([](TorchTensor& t) { t.size = "(G@\0\0\0\0\0\0\0K\2t"s; }), "an integer of 0 or more"},
      {"storage of quantised values", tensor([](TorchTensor& t) { t.storage = "ctorch\nQInt8Storage\n"; }),
       "QInt8Storage"},
      {"storage of complex values", tensor([](TorchTensor& t) { t.storage = "ctorch\nComplexFloatStorage\n"; }),
       "ComplexFloatStorage"},
      {"storage of no type", tensor([](TorchTensor& t) { t.storage = "N"; }), "a storage of type"},
      {"sparse tensor", tensor([](TorchTensor& t) { t.function = "ctorch._utils\n_rebuild_sparse_tensor\n"; }),
       "_rebuild_sparse_tensor"},
      {"tensor without arguments", torch(dict({{"w", "ctorch._utils\n_rebuild_tensor_v2\n)R"}})),
       "a tensor's arguments"},
      {"tensor without a storage", torch(dict({{"w", "ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR"}})),
       "a tensor with a storage"},
      {"a storage by itself", torch(dict({{"w", "(" + unicode("storage") + "tQ"}})), "a storage by itself"},
      {"a persistent id that is a text",
       torch(dict({{"w", "ctorch._utils\n_rebuild_tensor_v2\n(" + unicode("x") + "QNNNtR"}})),
       "a storage of type, key"},
      {"a parameter of nothing", torch(dict({{"w", "ctorch._utils\n_rebuild_parameter\n)R"}})), "a parameter's tensor"},
      {"old form, cut", legacy().substr(0, legacy().size() - 1), "a storage of 16 bytes"},
      {"old form, bytes after it", legacy() + "x", "the end of the file"},
      {"old form, version 1000",
       legacy("\x80\x02]X\1\0\0\0"
              "0a."s,
              4, std::string(16, '\0'), "\x80\x02M\xe8\x03."s),
       "protocol version 1001"},
      {"old form, big-endian",
       legacy("\x80\x02]X\1\0\0\0"
              "0a."s,
              4, std::string(16, '\0'), "\x80\x02M\xe9\x03."s, false),
       "little-endian"},
      {"old form, no storage", legacy("\x80\x02]."), "the end of the file"},
      {"old form, unknown storage",
       legacy("\x80\x02]X\1\0\0\0"
              "9a."s),
       "a storage that a tensor uses"},
      {"old form, storage of 2^62",
       legacy("\x80\x02]X\1\0\0\0"
              "0a."s,
              std::uint64_t{1} << 62),
       "beyond 64 bits"},
      {"old form, storage of another size",
       legacy("\x80\x02]X\1\0\0\0"
              "0a."s,
              3, std::string(12, '\0')),
       "a storage of 16 bytes"},
      {"old form, os.system",
       std::string(formats::torch_legacy_mark) + "\x80\x02"
                                                 "cos\nsystem\n.",
       "names 'os system'"},
  };
  return files;
}

BadFiles keras_npz_files() {
  const auto array = [](auto&& change) {
    NumpyArray value;
    change(value);
    return keras_npz(value);
  };
  const auto member = [](const std::string& content) { return zip({{"layers/dense.npy", content}}); };
  const auto raw = [&](const std::string& body) { return member(numpy_member("\x80\3" + body)); };
  const auto value = [&](const std::string& pickled) { return member(numpy_member(numpy_dict({{"0", pickled}}))); };
  const std::string good = NumpyArray{}.pickled();
  const std::string decoded = "c_codecs\nencode\n";
  return {
      {"a member of another kind", zip({{"layers/dense.txt", "x"}}), "members NAME.npy"},
      {"a member without a name", zip({{".npy", "x"}}), "members NAME.npy"},
      {"a member that is no .npy", member("x"), "a NumPy .npy file"},
      {"an array of numbers", member(npy(npy_header, std::string(8, '\0'))), "read by load_weights"},
      {"two objects", member(numpy_member(numpy_dict({}), "|O", "(2,)")), "one object, a dict of arrays"},
      {"no pickle", member(numpy_member("")), "PROTO of 1 bytes"},
      {"protocol 0", member(numpy_member("(dp0\n.")), "protocol 2 to 5"},
      {"protocol 6", member(numpy_member("\x80\6}.")), "protocol 6"},
      {"protocol 5 of NumPy", from_data("keras_npz.zip", "protocol5_numpy1.npz"), "_frombuffer'"},
      {"something after the pickle", member(numpy_member(numpy_dict({}) + "x")), "the end of the pickle"},
      {"a dict by itself", raw("}."), "an array of NumPy"},
      {"no dict in the array", raw(NumpyArray{}.pickled() + "."), "one dict of arrays"},
      {"an empty list of objects",
       [&] {
         NumpyArray object;
         object.shape = ")", object.values = "]";
         return raw(object.pickled() + ".");
       }(),
       "one dict of arrays"},
      {"os.system", value("cos\nsystem\n" + unicode("true") + "\x85R"), "names 'os system'"},
      {"os.system as the array", array([](NumpyArray& a) { a.function = "cos\nsystem\n"; }), "names 'os system'"},
      {"os.system as the shape", array([](NumpyArray& a) { a.type = "f4", a.order = "<", a.shape = "cos\nsystem\n"; }),
       "names 'os system'"},
      {"builtins.eval", value("cbuiltins\neval\n"), "names 'builtins eval'"},
      {"_codecs.decode", value("c_codecs\ndecode\n"), "names '_codecs decode'"},
      {"numpy.load", value("cnumpy\nload\n"), "names 'numpy load'"},
      {"a scalar of NumPy", value("cnumpy.core.multiarray\nscalar\n"), "names 'numpy.core.multiarray scalar'"},
      {"_frombuffer", value("cnumpy.core.numeric\n_frombuffer\n"), "names 'numpy.core.numeric _frombuffer'"},
      {"another multiarray", value("cnumpy._core.multiarrays\n_reconstruct\n"), "multiarrays _reconstruct'"},
      {"a variable of Keras", value("ckeras.src.backend\nVariable\n"), "save the model with model.weights.h5"},
      {"PyTorch's names", value("ctorch\nFloatStorage\n"), "names 'torch FloatStorage'"},
      {"STACK_GLOBAL of os.system", member(numpy_member("\x80\4" + unicode("os") + unicode("system") + "\x93.")),
       "names 'os system'"},
      {"REDUCE of ndarray", value("cnumpy\nndarray\n)R"), "a call of a known function"},
      {"NEWOBJ", value("cnumpy\nndarray\n)\x81"), "opcode 0x81"},
      {"READONLY_BUFFER", array([](NumpyArray& a) { a.values = "N\x98"; }), "opcode 0x98"},
      {"a set", array([](NumpyArray& a) { a.values = "\x8f"; }), "opcode 0x8f"},
      {"a large integer", array([](NumpyArray& a) { a.values = "\x8a\x09" + std::string(9, '\1'); }),
       "at most 64 bits"},
      {"NEXT_BUFFER", array([](NumpyArray& a) { a.values = "\x97"; }), "opcode 0x97"},
      {"PERSID", array([](NumpyArray& a) { a.values = "NQ"; }), "values as bytes"},
      {"an array without a state", value("cnumpy.core.multiarray\n_reconstruct\n)R"), "state of version 1"},
      {"a state of version 2", array([](NumpyArray& a) { a.version = "K\2"; }), "state of version 1"},
      {"a state of 4 parts", array([](NumpyArray& a) { a.version.clear(); }), "state of version 1"},
      {"a state that is a list", value("cnumpy.core.multiarray\n_reconstruct\n)R]b"), "state of version 1"},
      {"a state that is its array", value("cnumpy.core.multiarray\n_reconstruct\n)Rq\7h\7b"), "state of version 1"},
      {"BUILD of bytes", value("C\1x)b"), "BUILD of a dict only"},
      {"a number for an array", value("K\1"), "an array of NumPy"},
      {"a type for an array", value(NumpyArray{}.dtype()), "an array of NumPy"},
      {"bytes for an array", value("C\1x"), "an array of NumPy"},
      {"a number as name", raw([] {
         NumpyArray object;
         object.shape = ")", object.values = "]}K\1" + NumpyArray{}.pickled() + "sa";
         return object.pickled() + ".";
       }()),
       "plain texts as names"},
      {"an empty name", member(numpy_member(numpy_dict({{"", good}}))), "plain texts as names"},
      {"a path as name", member(numpy_member(numpy_dict({{"../0", good}}))), "plain texts as names"},
      {"two arrays of one name", member(numpy_member(numpy_dict({{"0", good}, {"0", good}}))), "names that differ"},
      {"two places that join to one",
       zip({{"a.npy", numpy_member(numpy_dict({}))},
            {"a/vars.npy", numpy_member(numpy_dict({}))},
            {"a/vars/vars.npy", numpy_member(numpy_dict({}))},
            {"__root__.npy", numpy_member(numpy_dict({}))},
            {"vars.npy", numpy_member(numpy_dict({{"vars", good}}))},
            {"vars/vars.npy", numpy_member(numpy_dict({}))}}),
       "names that differ"},
      {"a type that is a text", array([](NumpyArray& a) { a.type_version = "K\3", a.order = ""; }),
       "a type of booleans"},
      {"a type of objects", array([](NumpyArray& a) { a.type = "O8", a.order = "|"; }), "a type of booleans"},
      {"a type of complex numbers", array([](NumpyArray& a) { a.type = "c8"; }), "a type of booleans"},
      {"a type of texts", array([](NumpyArray& a) { a.type = "U2"; }), "a type of booleans"},
      {"a type of dates", array([](NumpyArray& a) { a.type = "M8"; }), "a type of booleans"},
      {"a type of version 4", array([](NumpyArray& a) { a.type_version = "K\4"; }), "state of version 3"},
      {"an order of the machine", array([](NumpyArray& a) { a.order = "="; }), "a type of booleans"},
      {"an order that is empty", array([](NumpyArray& a) { a.order = ""; }), "a type of booleans"},
      {"shape a number", array([](NumpyArray& a) { a.shape = "K\2"; }), "a shape as a tuple"},
      {"shape of texts", array([](NumpyArray& a) { a.shape = unicode("2") + "\x85"; }), "a shape of integers"},
      {"shape negative", array([](NumpyArray& a) { a.shape = integer(-2) + "\x85"; }), "a shape of integers"},
      {"shape too small", array([](NumpyArray& a) { a.shape = integer(1) + "\x85"; }), "4 bytes for shape (1)"},
      {"shape too large", array([](NumpyArray& a) { a.shape = integer(3) + "\x85"; }), "12 bytes for shape (3)"},
      {"shape 2^32 x 2^32", array([](NumpyArray& a) { a.shape = integer(1ll << 32) + integer(1ll << 32) + "\x86"; }),
       "at most 2^40"},
      {"shape 2^62", array([](NumpyArray& a) { a.shape = integer(1ll << 62) + "\x85"; }), "at most 2^40"},
      {"shape of 9 axes", array([](NumpyArray& a) {
         a.shape = "(";
         for (int i = 0; i < 9; ++i) a.shape += "K\1";
         a.shape += "t";
       }),
       "at most 8 axes"},
      {"shape of 65 axes", array([](NumpyArray& a) {
         a.shape = "(";
         for (int i = 0; i < 65; ++i) a.shape += "K\1";
         a.shape += "t";
       }),
       "a shape as a tuple"},
      {"order of axes a number", array([](NumpyArray& a) { a.fortran = "K\0"s; }), "an order of axes"},
      {"values a text", array([](NumpyArray& a) { a.values = unicode("12345678"); }), "values as bytes"},
      {"values a list", array([](NumpyArray& a) { a.values = "]"; }), "values as bytes"},
      {"values beyond the end", array([](NumpyArray& a) { a.values = "B\xff\xff\xff\xff"; }), "a text of 4294967295"},
      {"values of 2^64-1", array([](NumpyArray& a) { a.values = "\x8e" + std::string(8, '\xff'); }),
       "a text of 18446744073709551615"},
      {"encoded as utf-8",
       array([&](NumpyArray& a) { a.values = decoded + unicode("12345678") + unicode("utf-8") + "\x86R"; }),
       "values as bytes"},
      {"encoded from bytes", array([&](NumpyArray& a) { a.values = decoded + "C\1x" + unicode("latin1") + "\x86R"; }),
       "values as bytes"},
      {"encoded from nothing", array([&](NumpyArray& a) { a.values = decoded + ")R"; }), "values as bytes"},
      {"a character above latin1", array([&](NumpyArray& a) {
         a.values = decoded +
                    unicode(
                        "123456\xc4"
                        "\x80") +
                    unicode("latin1") + "\x86R";
       }),
       "characters of latin1"},
      {"half a character",
       array([&](NumpyArray& a) { a.values = decoded + unicode("1234567\xc3") + unicode("latin1") + "\x86R"; }),
       "characters of latin1"},
      {"one array under 100000 names",
       [&] {
         NumpyArray big;
         big.shape = integer(1 << 18) + "\x85";
         big.values = "B" + little(1 << 20, 4) + std::string(1 << 20, '\1');
         NumpyArray object;
         object.shape = ")", object.values = "]}" + unicode("a") + big.pickled() + "q\7s";
         for (int i = 0; i < 100000; ++i) object.values += unicode(std::to_string(i)) + "h\7s";
         object.values += "a";
         return raw(object.pickled() + ".");
       }(),
       "memory"},
      {"10^7 nones", raw(std::string(10'000'000, 'N')), "memory"},
      {"10^7 marks", raw(std::string(10'000'000, '(')), "at most 10000 marks"},
  };
}

BadFiles hdf5_files() {
  const std::string good = small_hdf5();
  // Where the dataset's header stands: its first message is the shape (2, 2).
  const std::string shape = little(1, 1) + little(2, 1) + little(0, 6) + little(2, 8) + little(2, 8);
  const std::string layout = little(3, 1) + little(1, 1);
  const std::string type = little(0x11, 1) + little(0x1f20, 3) + little(4, 4);
  const auto root_link = good.find("SNOD") + 8;  // the deepest group's, written first
  BadFiles files = {
      {"cut by a byte", good.substr(0, good.size() - 1), "the file is cut short"},
      {"cut to the superblock", good.substr(0, 96), "the file is cut short"},
      {"a byte after the end", good + "x", "something after the end"},
      {"superblock 4", patched(good, 8, "\4"), "a superblock of version 0 to 3"},
      {"offsets of 4 bytes", patched(good, 13, "\4"), "offsets and lengths of 8"},
      {"lengths of 4 bytes", patched(good, 14, "\4"), "offsets and lengths of 8"},
      {"a base address", patched(good, 24, "\1"), "a base address"},
      {"end of file 2^64-1", patched(good, 40, std::string(8, '\xff')), "the file is cut short"},
      {"one of several files", patched(good, 48, std::string(8, '\0')), "one of several"},
      {"root beyond the file", patched(good, 64, little(1 << 30, 8)), "an object header inside"},
      {"root at 2^64-1", patched(good, 64, std::string(8, '\xff')), "nothing stored"},
      {"root at 2^64-8", patched(good, 64, little(~std::uint64_t{7}, 8)), "an object header inside"},
      {"root in the superblock", patched(good, 64, little(0, 8)), "an object header of version 1 or 2"},
      {"tree mark", patched(good, "TREE", 0, "X"), "a tree node"},
      {"tree of chunks for a group", patched(good, "TREE", 4, "\1"), "a tree node"},
      {"tree of 200 levels", patched(good, "TREE", 5, "\xc8"), "a tree whose levels decrease"},
      {"tree of one level more", patched(good, "TREE", 5, "\1"), "a tree node"},
      {"tree of 65535 entries", patched(good, "TREE", 6, "\xff\xff"), "a tree node inside"},
      {"tree entry beyond the file", patched(good, "TREE", 32, little(1 << 30, 8)), "a node of names inside"},
      {"tree that holds itself", patched(patched(good, "TREE", 5, "\1"), "TREE", 32, little(good.find("TREE"), 8)),
       "reached twice"},
      {"names mark", patched(good, "SNOD", 0, "X"), "a node of names"},
      {"names of 65535 entries", patched(good, "SNOD", 6, "\xff\xff"), "a node of names inside"},
      {"name beyond its heap", patched(good, static_cast<std::ptrdiff_t>(root_link), little(1 << 20, 8)),
       "a name in the heap"},
      {"name at 2^64-1", patched(good, static_cast<std::ptrdiff_t>(root_link), std::string(8, '\xff')),
       "a name in the heap"},
      {"name empty", patched(good, static_cast<std::ptrdiff_t>(root_link), little(0, 8)), "a plain name"},
      {"name ..", patched(good, "kernel:0\0"s, 0, "..\0"s), "a plain name"},
      {"name with a slash", patched(good, "kernel:0\0"s, 0, "a/b\0"s), "a plain name"},
      {"name of invalid UTF-8", patched(good, "kernel:0\0"s, 0, "\xff"), "a name in UTF-8"},
      {"a soft link", patched(good, static_cast<std::ptrdiff_t>(root_link + 16), little(2, 4)),
       "a soft link 'kernel:0'"},
      {"object beyond the file", patched(good, static_cast<std::ptrdiff_t>(root_link + 8), little(1 << 30, 8)),
       "an object header inside"},
      {"object reached twice",
       [&] {
         const auto second = good.find("SNOD", good.find("SNOD") + 8) + 8;
         return patched(good, static_cast<std::ptrdiff_t>(second + 48), good.substr(second + 8, 8));
       }(),
       "reached twice"},
      {"heap mark", patched(good, "HEAP", 0, "X"), "a heap of names"},
      {"heap larger than the file", patched(good, "HEAP", 8, little(1 << 30, 8)), "a heap of names inside"},
      {"heap of 2^64-1", patched(good, "HEAP", 8, std::string(8, '\xff')), "a heap of names inside"},
      {"heap beyond the file", patched(good, "HEAP", 24, little(1 << 30, 8)), "a heap of names inside"},
      {"text heap mark", patched(good, "GCOL", 0, "X"), "a heap of texts"},
      {"text heap of 8 bytes", patched(good, "GCOL", 8, little(8, 8)), "a heap of at least 16"},
      {"text heap beyond the file", patched(good, "GCOL", 8, little(1 << 30, 8)), "a heap of texts inside"},
      {"text beyond its heap", patched(good, "GCOL", 24, little(1 << 20, 8)), "a text of 1048576 bytes"},
      {"text number missing", patched(good, "GCOL", 16, "\x9"), "text in a heap"},
      {"shape version 3", patched(good, shape, 0, "\3"), "a shape of version 1 or 2"},
      {"shape of 9 axes", patched(good, shape, 1, "\x9"), "an extent of 8 bytes"},
      {"shape with a permutation", patched(good, shape, 2, "\2"), "without permutation"},
      {"shape 2^32 x 2^32",
       patched(good, shape, 8, little(std::uint64_t{1} << 32, 8) + little(std::uint64_t{1} << 32, 8)), "at most 2^40"},
      {"shape 2^63 x 2", patched(good, shape, 8, little(std::uint64_t{1} << 63, 8)), "at most 2^40"},
      {"shape larger than the data", patched(good, shape, 8, little(3, 8)), "24 bytes for shape (3, 2)"},
      {"shape of 2^40 elements", patched(good, shape, 8, little(std::uint64_t{1} << 39, 8)), "bytes for shape"},
      {"type of class 6", patched(good, type, 0, "\x16"), "a type of class 6"},
      {"type of class 15", patched(good, type, 0, "\x1f"), "a type of class 15"},
      {"type of version 0", patched(good, type, 0, "\1"), "a type of version 1 to 5"},
      {"type of 0 bytes", patched(good, type, 4, little(0, 4)), "a type of 1 to 2^20"},
      {"type of 2^32-1 bytes", patched(good, type, 4, little(0xffffffff, 4)), "a type of 1 to 2^20"},
      {"type of 3 bytes", patched(good, type, 4, little(3, 4)), "IEEE floats"},
      {"type with VAX's order", patched(good, type, 1, "\x61"), "IEEE floats"},
      {"type with another bias", patched(good, type, 16, "\x7e"), "IEEE floats"},
      {"type with the sign elsewhere", patched(good, type, 2, "\x1e"), "IEEE floats"},
      {"layout version 1", patched(good, layout, 0, "\1"), "a layout of version 3 or 4"},
      {"layout version 9", patched(good, layout, 0, "\x9"), "a layout of version 3 or 4"},
      {"layout virtual", patched(good, layout, 1, "\3"), "a virtual dataset"},
      {"layout class 4", patched(good, layout, 1, "\4"), "a layout of class 0 to 2"},
      {"data beyond the file", patched(good, layout, 2, little(1 << 30, 8)), "the values inside"},
      {"data at 2^64-8", patched(good, layout, 2, little(~std::uint64_t{7}, 8)), "the values inside"},
      {"data not stored", patched(good, layout, 2, std::string(8, '\xff')), "nothing stored"},
      {"data one byte short", patched(good, layout, 10, little(15, 8)), "16 bytes for shape (2, 2)"},
      {"data of 2^64-1 bytes", patched(good, layout, 10, std::string(8, '\xff')), "the values inside"},
  };
  const std::pair<const char*, const char*> by_h5py[] = {{"soft_link", "a soft link 'w'"},
                                                         {"soft_link_new", "a soft link 'w'"},
                                                         {"external_link", "an external link 'w'"},
                                                         {"external_link_new", "an external link 'w'"},
                                                         {"external_storage", "external storage"},
                                                         {"virtual", "a virtual dataset"},
                                                         {"lzf", "filter 32000"},
                                                         {"fletcher32", "filter 3"},
                                                         {"scaleoffset", "filter 6"},
                                                         {"compound", "a type of class 6"},
                                                         {"complex", "a type of class 6"},
                                                         {"array_type", "a type of class 10"},
                                                         {"long_double", "IEEE floats"},
                                                         {"variable_integers", "variable-length text"},
                                                         {"reference", "a type of class 7"},
                                                         {"text", "a dataset of numbers"},
                                                         {"fixed_text", "a dataset of numbers"},
                                                         {"opaque", "a dataset of numbers"},
                                                         {"enumeration", "another enumeration"},
                                                         {"empty_space", "an empty space"},
                                                         {"nine_axes", "at most 8 axes"},
                                                         {"committed", "a committed type"},
                                                         {"committed_new", "a committed type"},
                                                         {"twice", "reached twice"},
                                                         {"cycle", "reached twice"},
                                                         {"deep", "at most 32 deep"},
                                                         {"unwritten", "nothing stored"},
                                                         {"missing_chunk", "10 chunks"},
                                                         {"new_chunk_index", "a newer index"},
                                                         {"user_block", "an HDF5 file"}};
  for (const auto& [name, reason] : by_h5py) files.push_back({name, hdf5_by_h5py(name), reason});
  return files;
}

BadFiles tfjs_files() {
  const auto manifest = [](const std::string& groups) {
    return "{\"format\":\"layers-model\",\"weightsManifest\":" + groups + "}";
  };
  const auto paths = [&](const std::string& list) { return manifest("[{\"paths\":" + list + ",\"weights\":[]}]"); };
  const auto weights = [&](const std::string& list) {
    return manifest("[{\"paths\":[\"w.bin\"],\"weights\":[" + list + "]}]");
  };
  const auto weight = [&](const std::string& shape, const std::string& dtype, const std::string& more = {}) {
    return weights(R"({"name":"w","shape":)" + shape + R"(,"dtype":")" + dtype + "\"" + more + "}");
  };
  const std::string good = R"({"name":"w","shape":[4],"dtype":"float32"})",
                    half = R"({"name":"w","shape":[2],"dtype":"float32"})";
  return {
      {"no manifest", "{}", "a weightsManifest"},
      {"manifest an object", manifest("{}"), "a weightsManifest"},
      {"a list", "[]", "a weightsManifest"},
      {"a graph model", R"({"format":"graph-model","weightsManifest":[]})", "graph models hold no layers"},
      {"a Keras configuration", R"({"class_name":"Sequential","config":{}})", "a weightsManifest"},
      {"group a text", manifest("[\"x\"]"), "groups with paths and weights"},
      {"group without paths", manifest(R"([{"weights":[]}])"), "groups with paths and weights"},
      {"group without weights", manifest(R"([{"paths":[]}])"), "groups with paths and weights"},
      {"path a number", paths("[1]"), "paths as texts"},
      {"path ../w.bin", paths(R"(["../w.bin"])"), "the plain name of a file"},
      {"path a/../../w.bin", paths(R"(["a/../../w.bin"])"), "the plain name of a file"},
      {"path /etc/passwd", paths(R"(["/etc/passwd"])"), "the plain name of a file"},
      {"path C:\\w.bin", paths(R"(["C:\\w.bin"])"), "the plain name of a file"},
      {"path ..", paths(R"([".."])"), "the plain name of a file"},
      {"path .", paths(R"(["."])"), "the plain name of a file"},
      {"path empty", paths(R"([""])"), "the plain name of a file"},
      {"path with a zero byte", paths(R"(["w.bin\u0000"])"), "without control characters"},
      {"path of a URL", paths(R"(["https://example.com/w.bin"])"), "the plain name of a file"},
      {"path that is not there", paths(R"(["none.bin"])"), "No such file"},
      {"path twice", paths(R"(["w.bin","w.bin"])"), "names that differ"},
      {"weight a text", weights("\"w\""), "weights as objects"},
      {"no name", weights(R"({"shape":[4],"dtype":"float32"})"), "the key name"},
      {"name a number", weights(R"({"name":1,"shape":[4],"dtype":"float32"})"), "names as texts"},
      {"no shape", weights(R"({"name":"w","dtype":"float32"})"), "the key shape"},
      {"no dtype", weights(R"({"name":"w","shape":[4]})"), "a dtype of float32"},
      {"dtype float64", weight("[2]", "float64"), "a dtype of float32"},
      {"dtype string", weight("[2]", "string"), "a dtype of float32"},
      {"dtype complex64", weight("[2]", "complex64"), "a dtype of float32"},
      {"shape a number", weight("4", "float32"), "a shape as a list"},
      {"shape negative", weight("[-4]", "float32"), "integers of 0 or more"},
      {"shape null", weight("[null,4]", "float32"), "integers of 0 or more"},
      {"shape 1e3", weight("[1e3]", "float32"), "integers of 0 or more"},
      {"shape 2^32 x 2^32", weight("[4294967296,4294967296]", "float32"), "at most 2^40"},
      {"shape of 9 axes", weight("[1,1,1,1,1,1,1,1,4]", "float32"), "at most 8 axes"},
      {"shape larger than the shards", weight("[5]", "float32"), "weights of 20 bytes"},
      {"shape smaller than the shards", weight("[3]", "float32"), "the end of the shards"},
      {"two weights of one name", weights(half + "," + half), "two tensors 'w'"},
      {"more weights than shards", weights(good + R"(,{"name":"v","shape":[1],"dtype":"float32"})"),
       "weights of 4 bytes"},
      {"quantised to int8", weight("[16]", "float32", R"(,"quantization":{"dtype":"int8","scale":1,"min":0})"),
       "quantised to uint8"},
      {"quantised without a scale", weight("[16]", "float32", R"(,"quantization":{"dtype":"uint8","min":0})"),
       "the key scale"},
      {"quantised with a text", weight("[16]", "float32", R"(,"quantization":{"dtype":"uint8","scale":"1","min":0})"),
       "as numbers"},
      {"quantised beyond int32", weight("[16]", "int32", R"(,"quantization":{"dtype":"uint8","scale":1,"min":1e12})"),
       "fit int32"},
      {"quantised booleans", weight("[16]", "bool", R"(,"quantization":{"dtype":"uint8","scale":1,"min":0})"),
       "a quantisation of numbers"},
      {"two keys", R"({"weightsManifest":[],"weightsManifest":[]})", "two keys"},
      {"nested", manifest(std::string(1000, '[')), "at most 64 levels"},
      {"NaN", R"({"weightsManifest":[],"a":NaN})", "valid JSON"},
  };
}

}  // namespace

TEST_CASE("bad safetensors files are refused with their reason") {
  check_refused(joined(common(Content::safetensors), safetensors_files()), as_safetensors);
}
TEST_CASE("bad JSON is refused with its reason") {
  check_refused(json_files(), as_json);
  BadFiles config = {{"nan", "{\"a\":nan}", "valid JSON"},
                     {"Inf", "{\"a\":Inf}", "valid JSON"},
                     {"+Infinity", "{\"a\":+Infinity}", "valid JSON"},
                     {"NaNNaN", "{\"a\":NaNNaN}", "valid JSON"},
                     {"NaN as key", "{NaN:1}", "expected"},
                     {"1Infinity", "{\"a\":1Infinity}", "valid JSON"}};
  check_refused(config, as_config);
}
TEST_CASE("bad npy files are refused with their reason") {
  check_refused(joined(common(Content::npy), npy_files()), as_npy);
}
TEST_CASE("bad zip archives are refused with their reason") {
  check_refused(joined(common(Content::zip), zip_files()), as_zip);
}
TEST_CASE("bad npz files are refused with their reason") { check_refused(npz_files(), as_npz); }
TEST_CASE("bad weights of Keras in .npz are refused with their reason") {
  check_refused(joined(common(Content::zip), keras_npz_files()), as_keras_npz);
}
TEST_CASE("bad PyTorch files are refused with their reason") {
  check_refused(joined(common(Content::zip), torch_files()), as_torch);
}
TEST_CASE("bad HDF5 files are refused with their reason") {
  check_refused(joined(common(Content::hdf5), hdf5_files()), as_hdf5);
}
TEST_CASE("bad TensorFlow.js models are refused with their reason") {
  check_refused(joined(common(Content::json), tfjs_files()), as_tfjs);
}

TEST_CASE("there are at least 250 bad files besides those that all formats share") {
  const std::size_t own = safetensors_files().size() + json_files().size() + npy_files().size() + zip_files().size() +
                          npz_files().size() + keras_npz_files().size() + torch_files().size() + hdf5_files().size() +
                          tfjs_files().size();
  MESSAGE(own << " bad files, and " << 7 * common(Content::empty).size() << " shared by all formats");
  CHECK(own >= 250);
}

TEST_CASE("the good files that the bad ones are made of are read") {
  CHECK_NOTHROW(as_safetensors(formats::bytes_of(small_safetensors())));
  CHECK_NOTHROW(as_npz(formats::bytes_of(small_npz())));
  CHECK_NOTHROW(as_npy(formats::bytes_of(npy(npy_header, std::string(8, '\0')))));
  CHECK_NOTHROW(as_zip(formats::bytes_of(zip({{"a", "first"}, {"b", "second"}}))));
  CHECK_NOTHROW(as_torch(formats::bytes_of(tensor_file({}))));
  CHECK_NOTHROW(as_keras_npz(formats::bytes_of(keras_npz({}))));
  CHECK_NOTHROW(as_torch(formats::bytes_of(legacy())));
  CHECK_NOTHROW(as_hdf5(formats::bytes_of(small_hdf5())));
  const std::string stored = "\1\3\0\xfc\xff"s + "aaa";
  CHECK_NOTHROW(as_zip(formats::bytes_of(deflated("a", stored, 3, formats::crc32_of(formats::bytes_of("aaa"))))));
  CHECK_NOTHROW(as_tfjs(formats::bytes_of(
      R"({"weightsManifest":[{"paths":["w.bin"],"weights":[{"name":"w","shape":[4],"dtype":"float32"}]}]})")));
  CHECK_NOTHROW(as_config(formats::bytes_of("{\"a\":[NaN,-Infinity,Infinity,\"NaN\"]}")));
}
