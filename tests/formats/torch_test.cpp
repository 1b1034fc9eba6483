#include "io/file_builder.hpp"

#include <doctest/doctest.h>

using namespace build;

namespace {

Archive read_pickle(const std::string& pickle) { return read_torch(formats::bytes_of(torch(pickle)), "f"); }
/// Beside a tensor, so that the file holds something.
Archive read_value(const std::string& value) {
  return read_pickle(dict({{"w", TorchTensor{}.pickled()}, {"x", value}}));
}
std::vector<std::string> skipped(const Archive& archive) {
  std::vector<std::string> all;
  for (const SkippedObject& object : archive.skipped) all.push_back(object.path + ": " + object.type);
  return all;
}
std::string named(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }

const std::string list = "](K\1K\2e", state = "}" + unicode("a") + "K\1s";

}  // namespace

TEST_CASE("PyTorch: objects of classes that keel does not know are left out and said") {
  const std::string net = named("__main__", "Config");
  const std::pair<std::string, std::string> cases[] = {
      {net, "__main__.Config"},                                         // the class itself
      {net + ")R", "__main__.Config"},                                  // REDUCE
      {net + "K\1\x85R", "__main__.Config"},                            // REDUCE with an argument
      {net + ")\x81", "__main__.Config"},                               // NEWOBJ
      {net + ")\x81" + state + "b", "__main__.Config"},                 // NEWOBJ and BUILD
      {net + ")\x81" + "N" + state + "\x86" + "b", "__main__.Config"},  // BUILD with slots
      {net + ")}\x92", "__main__.Config"},                              // NEWOBJ_EX
      {net + ")\x81" + unicode("k") + "K\1s", "__main__.Config"},       // a dict of its own, one item
      {net + ")\x81(" + unicode("k") + "K\1u", "__main__.Config"},      // and several
      {net + ")\x81K\1a", "__main__.Config"},                           // a list of its own
      {net + ")\x81(K\1K\2e", "__main__.Config"},                       //
      {net + ")R)R", "__main__.Config"},                                // what an object makes when called
      {net + TorchTensor{}.pickled() + "\x85R", "__main__.Config"},     // with a tensor inside
      {named("pathlib", "PosixPath") + unicode("a") + "\x85R", "pathlib.PosixPath"},
      {named("argparse", "Namespace") + ")\x81" + state + "b", "argparse.Namespace"},
      {named("copy_reg", "_reconstructor") + "(" + net + named("__builtin__", "object") + "NtR", "__main__.Config"},
      {named("__builtin__", "set") + list + "\x85R", "__builtin__.set"},
      {named("builtins", "getattr") + net + unicode("a") + "\x86R", "builtins.getattr"},
      {named("torch.optim.lr_scheduler", "StepLR") + ")\x81" + state + "b", "torch.optim.lr_scheduler.StepLR"},
      {"\x8f(K\1K\2\x90", "builtins.set"},
      {"(K\1K\2\x91", "builtins.frozenset"},
      {"B" + little(3, 4) + "abc", "builtins.bytes"},
      {"C\3abc", "builtins.bytes"},
      {"\x96" + little(3, 8) + "abc", "builtins.bytes"},
      {"\x8a\x10" + std::string(16, '\1'), "builtins.int"},
      {"\x8b" + little(300, 4) + std::string(300, '\1'), "builtins.int"},
  };
  for (const auto& [value, type] : cases) {
    const auto& the_type = type;  // clang before 16 captures no structured binding
    CAPTURE(the_type);
    const Archive archive = read_value(value);
    CHECK(skipped(archive) == std::vector<std::string>{"x: " + type});
    CHECK(archive.tensors.size() == 1);
    CHECK(archive.metadata.empty());
    // by itself it is no state dict
    CHECK_THROWS_AS(read_pickle("\x80\x02" + value + "."), FormatError);
    CHECK_THROWS_AS(read_pickle(dict({{"x", value}})), FormatError);
  }
}

TEST_CASE("PyTorch: where a skipped object stands") {
  const std::string object = named("a.b", "C") + ")\x81";
  const Archive archive = read_value("}(" + unicode("deep") + "](K\1" + object + "e" + unicode("next") + object + "u");
  CHECK(skipped(archive) == std::vector<std::string>{"x.deep.1: a.b.C", "x.next: a.b.C"});
  CHECK(archive.metadata.at("x.deep.0") == "1");
  // keys that are objects
  CHECK(skipped(read_value("}K\1K\2\x86K\3s")) == std::vector<std::string>{"x.?: builtins.tuple"});
  CHECK(skipped(read_value("}" + object + "K\3s")) == std::vector<std::string>{"x.?: builtins.object"});
}

TEST_CASE("PyTorch: what runs or opens things is refused wherever it stands") {
  const std::pair<const char*, const char*> names[] = {{"os", "system"},        {"posix", "system"},
                                                       {"nt", "system"},        {"subprocess", "Popen"},
                                                       {"builtins", "eval"},    {"builtins", "exec"},
                                                       {"__builtin__", "eval"}, {"builtins", "__import__"},
                                                       {"builtins", "open"},    {"runpy", "_run_code"},
                                                       {"pickle", "loads"},     {"torch", "load"},
                                                       {"torch.hub", "load"},   {"shutil", "rmtree"},
                                                       {"socket", "socket"},    {"ctypes", "CDLL"},
                                                       {"sys", "exit"},         {"importlib", "import_module"},
                                                       {"os.path", "join"}};
  for (const auto& [module, name] : names) {
    const auto& the_name = name;  // clang before 16 captures no structured binding
    CAPTURE(the_name);
    const std::string message = std::string("names '") + module + " " + name + "'";
    for (const std::string& value :
         {named(module, name), named(module, name) + unicode("true") + "\x85R", named(module, name) + ")\x81",
          named("a", "B") + named(module, name) + ")R\x85R", unicode(module) + unicode(name) + "\x93"})
      CHECK_THROWS_WITH_AS(read_value(value), doctest::Contains(message.c_str()), FormatError);
  }
}

TEST_CASE("PyTorch: tensors of kinds that keel does not know are refused, not left out") {
  for (const char* name : {"_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_meta_tensor_no_storage"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(read_value(named("torch._utils", name) + ")R"), doctest::Contains(name), FormatError);
  }
}

TEST_CASE("PyTorch: every way to make a tensor") {
  const auto with_storage = [](const std::string& function, const std::string& more) {
    TorchTensor t;
    return function + "((" + unicode("storage") + t.storage + unicode(t.key) + unicode("cpu") + t.numel + "tQ" +
           t.offset + t.size + t.stride + more + "tR";
  };
  const std::string tensor = TorchTensor{}.pickled(), ordered = named("collections", "OrderedDict") + ")R";
  const auto utils = [](const char* name) { return named("torch._utils", name); };
  NumpyArray numpy;
  numpy.shape = "K\2K\2\x86";
  numpy.values = "C\x10" + std::string(16, '\0');
  const std::string arguments = tensor.substr(tensor.find('\n', tensor.find('\n') + 1) + 1);
  const std::string cases[] = {
      with_storage(utils("_rebuild_tensor"), ""),
      with_storage(utils("_rebuild_tensor_v2"), "\x89" + ordered),
      with_storage(utils("_rebuild_tensor_v2"), "\x89" + ordered + "}"),
      with_storage(utils("_rebuild_tensor_v3"), "\x89" + ordered + named("torch", "float32")),
      utils("_rebuild_parameter") + "(" + tensor + "\x88" + ordered + "tR",
      utils("_rebuild_parameter_with_state") + "(" + tensor + "\x88" + ordered + state + "tR",
      utils("_rebuild_device_tensor_from_cpu_tensor") + "(" + tensor + named("torch", "float32") + unicode("xla:0") +
          "\x89tR",
      utils("_rebuild_device_tensor_from_numpy") + "(" + numpy.pickled() + named("torch", "float32") +
          unicode("hpu:0") + "\x89tR",
      utils("_rebuild_xla_tensor") + "(" + numpy.pickled() + named("torch", "float32") + unicode("xla:0") + "\x89tR",
      named("torch._tensor", "_rebuild_from_type_v2") + "(" + utils("_rebuild_tensor_v2") +
          named("torch.nn.parameter", "Parameter") + arguments.substr(0, arguments.size() - 1) + state + "tR",
      numpy.pickled(),
  };
  for (const std::string& value : cases) {
    CAPTURE(value);
    const Archive archive = read_value(value);
    REQUIRE(archive.find("x"));
    CHECK(tensor_at(archive, "x") == Tensor<float>(Shape{2, 2}));
    CHECK(archive.skipped.empty());
  }
  // a subclass may mean anything
  CHECK(skipped(read_value(named("torch._tensor", "_rebuild_from_type_v2") + "(" + utils("_rebuild_tensor_v2") +
                           named("mine", "Tensor") + arguments.substr(0, arguments.size() - 1) + state + "tR")) ==
        std::vector<std::string>{"x: mine.Tensor"});
}

TEST_CASE("PyTorch: dicts of every class, keys of every plain type, in the order of the file") {
  const std::string a = unicode("a"), w = TorchTensor{}.pickled();
  const std::string pairs = "](" + unicode("z") + "K\1\x86" + unicode("y") + "K\2\x86" + "e";
  const auto metadata = [](const std::string& value) { return read_value(value).metadata; };
  using Texts = std::map<std::string, std::string>;
  CHECK(metadata(named("collections", "OrderedDict") + ")R" + a + "K\1s") == Texts{{"x.a", "1"}});
  CHECK(metadata(named("collections", "OrderedDict") + pairs + "\x85R") == Texts{{"x.z", "1"}, {"x.y", "2"}});
  CHECK(metadata(named("collections", "Counter") + "}K\x1eK\1s\x85R") == Texts{{"x.30", "1"}});
  CHECK(metadata(named("collections", "defaultdict") + named("builtins", "list") + "\x85R" + a + "K\1s") ==
        Texts{{"x.a", "1"}});
  CHECK(metadata("}(\x88K\1NK\2J\xfe\xff\xff\xffK\3G?\xe0\0\0\0\0\0\0K\4u"s) ==
        Texts{{"x.True", "1"}, {"x.None", "2"}, {"x.-2", "3"}, {"x.0.5", "4"}});
  CHECK(metadata(named("torch", "device") + unicode("cuda") + "K\1\x86R") == Texts{{"x", "cuda:1"}});
  CHECK(metadata(named("torch", "device") + unicode("cpu") + "\x85R") == Texts{{"x", "cpu"}});
  CHECK(metadata(named("torch", "bfloat16")) == Texts{{"x", "torch bfloat16"}});
  CHECK(metadata("]0K\5") == Texts{{"x", "5"}});    // POP
  CHECK(metadata("(]]1K\5") == Texts{{"x", "5"}});  // POP_MARK
  const Archive archive = read_pickle(dict({{"z", w}, {"a", "}(" + unicode("c") + w + unicode("b.w") + w + "u"}}));
  REQUIRE(archive.tensors.size() == 3);
  CHECK(archive.tensors[0].name == "z");
  CHECK(archive.tensors[1].name == "a.c");
  CHECK(archive.tensors[2].name == "a.b.w");
}

TEST_CASE("PyTorch: numbers and arrays of NumPy") {
  const auto scalar = [](const std::string& type, const std::string& order, const std::string& bytes) {
    NumpyArray of;
    of.type = type;
    of.order = order;
    return named("numpy.core.multiarray", "scalar") + of.dtype() + "C" + little(bytes.size(), 1) + bytes + "\x86R";
  };
  const auto text = [](const std::string& value) { return read_value(value).metadata.at("x"); };
  CHECK(text(scalar("f8", "<", little(std::bit_cast<std::uint64_t>(0.25), 8))) == "0.25");
  CHECK(text(scalar("f4", "<", little(std::bit_cast<std::uint32_t>(-2.5f), 4))) == "-2.5");
  CHECK(text(scalar("i8", "<", little(~std::uint64_t{6}, 8))) == "-7");
  CHECK(text(scalar("u4", "<", "\1\2\0\0"s)) == "513");
  CHECK(text(scalar("i4", ">", "\0\0\2\1"s)) == "513");
  CHECK(skipped(read_value(scalar("U2", "<", "a\0\0\0b\0\0\0"s))) ==
        std::vector<std::string>{"x: numpy.core.multiarray.scalar"});
  NumpyArray objects;
  objects.type = "O8";
  objects.order = "|";
  objects.values = list;
  CHECK(skipped(read_value(objects.pickled())) == std::vector<std::string>{"x: numpy.core.multiarray._reconstruct"});
  // protocol 5 has arrays by _frombuffer
  const std::string buffer = named("numpy._core.numeric", "_frombuffer") + "(\x96" + little(8, 8) +
                             std::string(8, '\0') + NumpyArray{}.dtype() + "K\1K\2\x86" + unicode("C") + "tR";
  CHECK(tensor_at(read_value(buffer), "x") == Tensor<float>(Shape{1, 2}));
}

TEST_CASE("PyTorch: damaged objects are refused by name") {
  const auto refused = [](const std::string& value, const char* message) {
    CAPTURE(message);
    CHECK_THROWS_WITH_AS(read_value(value), doctest::Contains(message), FormatError);
  };
  const std::string ordered = named("collections", "OrderedDict"), counter = named("collections", "Counter");
  refused(ordered + "K\1\x85R", "one with arguments");
  refused(ordered + "](K\1K\2e\x85R", "pairs of a key and a value");
  refused(counter + list + "\x85R", "one with arguments");
  refused(named("torch", "device") + ")R", "a device's name and number");
  refused(named("torch._utils", "_rebuild_tensor") + "(NNNtR", "a tensor's arguments");
  refused(named("torch._utils", "_rebuild_xla_tensor") + ")R", "a parameter's tensor");
  refused(named("torch._tensor", "_rebuild_from_type_v2") + ")R", "a tensor's function, class and arguments");
  refused(named("torch._tensor", "_rebuild_from_type_v2") + "(NN)NtR", "a tensor's function, class and arguments");
  refused(named("numpy.core.multiarray", "scalar") + ")R", "numpy.core.multiarray scalar of 0");
  refused(named("numpy.core.multiarray", "scalar") + NumpyArray{}.dtype() + "C\3abc\x86R", "4 bytes for shape ()");
  refused(named("numpy.core.numeric", "_frombuffer") + ")R", "_frombuffer of 0");
  refused("\x97", "opcode 0x97");
  refused("N\x98", "opcode 0x98");
  refused(ordered + ")\x81", "opcode 0x81");
  refused(named(std::string(300, 'a'), "b"), "at most 256 bytes");
  refused(unicode(std::string(600, 'a')) + unicode("b") + "\x93", "names 'aaa");
  refused(
      named("a", "B") + ")\x81q\1" +
          [] {
            std::string body;
            for (int i = 0; i < 1'000'000; ++i) body += "h\1";
            return "0](" + body + "e";
          }(),
      "memory");
}

TEST_CASE("PyTorch: protocols 3 to 5, with frames, and texts and bytes of every length") {
  for (const char protocol : {'\3', '\4', '\5'}) {
    CAPTURE(int{protocol});
    const auto frame = [](const std::string& body) { return "\x95" + little(body.size(), 8) + body; };
    const auto brief = [](const std::string& text) { return "\x8c" + little(text.size(), 1) + text + "\x94"; };
    const std::string tensor = brief("torch._utils") + brief("_rebuild_tensor_v2") + "\x93((" + brief("storage") +
                               brief("torch") + brief("FloatStorage") + "\x93" + brief("0") + brief("cpu") +
                               integer(4) + "tQK\0K\2K\2\x86K\2K\1\x86\x89"s + brief("collections") +
                               brief("OrderedDict") + "\x93)RtR";
    const std::string pickle =
        "\x80"s + protocol +
        frame("}\x94(" + brief("w") + tensor + brief("long") + "\x8d" + little(2, 8) + "ab" + brief("again") + "h\1u.");
    const Archive archive = read_pickle(pickle);
    CHECK(tensor_at(archive, "w") == Tensor<float>(Shape{2, 2}));
    CHECK(archive.metadata == std::map<std::string, std::string>{{"long", "ab"}, {"again", "w"}});
  }
}
