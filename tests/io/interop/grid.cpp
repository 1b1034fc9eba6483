// Every layer x each option x each format: `grid make DIR [SHARE]` writes each combination that keel writes, and lists all in
// DIR/grid.tsv; grid_tfjs.js, grid_torch.py and grid_keras.py run what was written and list their largest differences;
// `grid report DIR` prints `ok`/`not ok` for each, the refusals and the totals. SHARE: of 1000 cases, those by a fixed draw.
//
// A refusal is right if it names the layer, its class and the option. What keel wrote it must read back too: with the same
// outputs, options and freezing.

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <keel/io/load.hpp>

#include "grid_subjects.hpp"

using namespace keel;

namespace {

const char* const subject_name = "subject";

struct Case {
  std::string type, option, value;
  Config config;
  std::vector<std::string> names;  // by one of which a refusal says what it is about
  std::vector<Shape> inputs;
  std::string place;  // "sequential", "graph", "followed"
  Freeze freeze = Freeze::none;
};

std::string text_of(const Config::Value& value) {
  const auto list = [](const auto& all) {
    return "(" + detail::join(all, ", ", [](auto v) { return detail::text(static_cast<double>(v)); }) + ")";
  };
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<Index>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return detail::text(*real);
  if (const auto* integers = std::get_if<std::vector<Index>>(&value)) return list(*integers);
  return list(std::get<std::vector<double>>(value));
}

std::string text_of(const Config& config) {
  return detail::join(config.entries(), " ",
                      [](const auto& entry) { return entry.first + "=" + text_of(entry.second); });
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const grid::Subject& subject : grid::subjects()) {
    for (const std::vector<Shape>& inputs : subject.inputs)
      for (const char* place : {"sequential", "graph", "followed"})
        if (inputs.size() == 1 || std::string(place) != "sequential")
          all.push_back({subject.type,
                         "",
                         detail::join(inputs, " ", [](const Shape& s) { return s.to_string(); }),
                         subject.usual,
                         {},
                         inputs,
                         place});
    for (const Freeze freeze : {Freeze::layer, Freeze::gradients})
      all.push_back({subject.type,
                     "freeze",
                     freeze == Freeze::layer ? "layer" : "gradients",
                     subject.usual,
                     {"freeze", "frozen"},
                     subject.inputs[0],
                     "graph",
                     freeze});
    bool sequential = false;
    for (const grid::Variation& variation : subject.variations) {
      Config config = subject.usual;
      std::vector<std::string> names;
      for (const auto& [name, value] : variation.config.entries()) {
        config.set(name, value);
        names.push_back(name == "activation_alpha" ? "alpha" : name);
      }
      sequential = !sequential && subject.inputs[0].size() == 1;
      all.push_back({subject.type, variation.option, text_of(variation.config), config, names, subject.inputs[0],
                     sequential ? "sequential" : "graph"});
    }
  }
  return all;
}

AnyLayer<float> layer_of(const Case& c) {
  Config config = c.config;
  config.set("name", std::string(subject_name));
  return make_layer(c.type, config);
}

/// The layer alone in a chain; in a graph, whose second output goes on from the first; or before what mixes its values.
Model<> model_of(const Case& c) {
  if (c.place == "sequential") {
    Sequential<> model(c.inputs[0], {.seed = 3});
    model.add(layer_of(c));
    return model;
  }
  Model<> net({.seed = 3});
  std::vector<Node> inputs;
  for (const Shape& shape : c.inputs) inputs.push_back(net.input(shape));
  const Node y = net.add(layer_of(c), std::span<const Node>(inputs));
  if (c.place == "followed") {
    const Node flat = net.nodes().back().shape.rank() > 1 ? net.add(Flatten({.name = "flat"}), y) : y;
    net.output(net.add(Dense(3, {.name = "behind"}), flat));
  } else {
    net.output(y);
    net.output(net.add(LeakyReLU({.negative_slope = 0.5, .name = "behind"}), y));
  }
  return net;
}

/// Values that differ everywhere.
void fill(Model<>& model) {
  std::uint64_t state = 9;
  for (auto& [name, parameter] : model.named_parameters())
    parameter->update([&, &key = name](TensorView<float> value) {
      for (float& v : value) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        v = static_cast<float>(state >> 40) / 16777216.0f - 0.5f;
        if (key.ends_with("variance")) v += 1;
      }
    });
}

/// Values to both sides of 0, and those at which piecewise functions turn.
std::vector<Tensor<float>> samples(const Model<>& model) {
  static constexpr float turns[] = {0, 1, -1, 0.5f, 6, 2, -3, 3};
  std::vector<Tensor<float>> all;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    Tensor<float> x(model.input_shape(i).with_batch(3));
    const bool tokens = model.layer(subject_name).type() == "Embedding";
    for (Index k = 0; k < x.size(); ++k)
      x[k] = tokens ? static_cast<float>((7 * k + 3) % 7)
             : k % 5 == 4
                 ? turns[(k / 5) % 8]
                 : static_cast<float>(3 * std::sin(0.37 * static_cast<double>(k + 7 * static_cast<Index>(i)) + 0.1));
    all.push_back(std::move(x));
  }
  return all;
}

std::vector<Tensor<float>> outputs(const Model<>& model, const std::vector<Tensor<float>>& x) {
  std::vector<TensorView<const float>> views;
  for (const Tensor<float>& t : x) views.push_back(t);
  return model.predict(views);
}

/// The largest difference, in units of the largest value or of 1.
double worst(const std::vector<Tensor<float>>& a, const std::vector<Tensor<float>>& b) {
  double difference = a.size() == b.size() ? 0 : INFINITY, largest = 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i].shape() != b[i].shape()) return INFINITY;
    for (Index k = 0; k < a[i].size(); ++k) {
      const double d = std::abs(static_cast<double>(a[i][k]) - static_cast<double>(b[i][k]));
      if (!(d <= difference)) difference = d;
      largest = (std::max)(largest, std::abs(static_cast<double>(b[i][k])));
    }
  }
  return difference / largest;
}

/// What keel's own reading of its file has lost; empty: nothing.
std::string lost(const Model<>& model, const std::string& path, const std::vector<Tensor<float>>& x) {
  const Model<> read = load(path);
  const double difference = worst(outputs(read, x), outputs(model, x));
  if (!(difference <= 1e-6)) return "read back, outputs differ by " + detail::text(difference, 2);
  const Layer<float>&before = model.layer(subject_name), &after = read.layer(subject_name);
  if (before.frozen() != after.frozen() && !before.parameters().empty()) return "read back, freezing is another";
  const Config was = before.config(), is = after.config();
  for (const auto& [name, value] : was.entries()) {
    if (dialects::option_of_entry(name).ends_with("initializer")) continue;
    const Config::Value* now = is.find(name);
    // -1 may come back as the number of the last axis
    if (name == "axis" && now && std::holds_alternative<Index>(value) && std::holds_alternative<Index>(*now) &&
        (std::get<Index>(value) - std::get<Index>(*now)) % (x[0].rank()) == 0)
      continue;
    // a layer of its own pads there
    if (name == "padding" && std::holds_alternative<std::vector<Index>>(value) &&
        !before.type().starts_with("ZeroPadding"))
      continue;
    if (!now || *now != value)
      return "read back, " + name + " is " + (now ? text_of(*now) : "gone") + ", was " + text_of(value);
  }
  return {};
}

void write_arrays(const std::string& base, const char* letter, const std::vector<Tensor<float>>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    write_npy(base + "/" + letter + std::to_string(i) + ".npy", to_array("", tensors[i]));
}

/// The moving statistics after one pass of training, as `moving0.npy` and `moving1.npy`; PyTorch's variance is another one than
/// that of a layer that keeps the biased one.
void write_moving(const Model<>& model, const std::string& base, const std::vector<Tensor<float>>& x) {
  Model<> trained = model.clone();
  std::vector<TensorView<const float>> views;
  for (const Tensor<float>& t : x) views.push_back(t);
  Tape<float> tape;
  trained.forward(views, tape);
  std::vector<Tensor<float>> moving;
  for (const Parameter<float>* parameter : std::as_const(trained).layer(subject_name).parameters())
    if (parameter->name() == "moving_mean" ||
        (parameter->name() == "moving_variance" && model.layer(subject_name).config().get<bool>("unbiased", false)))
      moving.push_back(parameter->value());
  write_arrays(base, "moving", moving);
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return text;
}

/// "written", "refused" with its text, "refused as a class" if that does not name the option, or "wrong" with what went
/// wrong.
std::pair<std::string, std::string> write(const Model<>& model, const Case& c, const std::string& format,
                                          const std::string& folder, const std::vector<Tensor<float>>& x) {
  const std::string path = folder + (format == "json" ? "/model.json" : "/model." + format);
  try {
    save(model, path);
    if (format == "pt") write_file(folder + "/model.py", std::string_view(torch_code(model)));
  } catch (const Error& error) {
    std::filesystem::remove(path);
    const std::string text = error.what();
    const auto says = [&](const std::string& part) { return text.find(part) != text.npos; };
    if (!says(subject_name)) return {"wrong", "refused without the layer's name: " + text};
    if (!says(c.type)) return {"wrong", "refused without the class: " + text};
    bool named = std::any_of(c.names.begin(), c.names.end(), says);
    // What the format has for no value of the option at hand may be another option's, or the number of inputs.
    for (const auto& entry : model.layer(subject_name).config().entries())
      named = named || says(" " + entry.first + " ");
    named = named || (c.inputs.size() > 1 && says("input"));
    return {named || c.names.empty() ? "refused" : "refused as a class", text};
  }
  try {
    if (format == "pt") {
      Model<> other = model.clone();
      fill(other);
      for (auto& [name, parameter] : other.named_parameters())
        parameter->update([](TensorView<float> value) {
          for (float& v : value) v *= 2;
        });
      load_weights(other, path);
      const double difference = worst(outputs(other, x), outputs(model, x));
      if (!(difference <= 1e-6)) return {"wrong", "read back, outputs differ by " + detail::text(difference, 2)};
      return {"written", ""};
    }
    const std::string what = lost(model, path, x);
    return {what.empty() ? "written" : "wrong", what};
  } catch (const Error& error) {
    return {"wrong", std::string("keel cannot read what it wrote: ") + error.what()};
  }
}

/// Classes and options of the registry that no subject has.
int missing() {
  std::map<std::string, std::set<std::string>> options;
  for (const grid::Subject& subject : grid::subjects()) {
    std::set<std::string>& known = options[subject.type];
    for (const auto& entry : subject.usual.entries()) known.insert(entry.first);
    for (const grid::Variation& variation : subject.variations)
      for (const auto& entry : variation.config.entries()) known.insert(entry.first);
  }
  int count = 0;
  for (const auto& maker : detail::layer_makers<float>) {
    const std::string type(maker.type);
    if (!options.count(type)) {
      std::printf("not ok %s is in the grid\n", type.c_str());
      ++count;
    }
  }
  for (const grid::Subject& subject : grid::subjects()) {
    const Config config = make_layer(subject.type, subject.usual)->config();
    for (const auto& entry : config.entries())
      if (!options[subject.type].count(std::string(dialects::option_of_entry(entry.first)))) {
        std::printf("not ok %s: %s is in the grid\n", subject.type.c_str(), entry.first.c_str());
        ++count;
      }
  }
  return count;
}

int make(const std::string& folder, int share) {
  int bad = missing(), number = 0;
  std::ofstream list(folder + "/grid.tsv");
  std::uint64_t draw = 1;
  for (const Case& c : cases()) {
    draw = draw * 6364136223846793005u + 1442695040888963407u;
    if (static_cast<int>(draw >> 33) % 1000 >= share) continue;
    const std::string at = folder + "/" + std::to_string(++number);
    const auto line = [&](const std::string& format, const std::string& state, const std::string& text) {
      list << number << '\t' << c.type << '\t' << (c.option.empty() ? "-" : c.option) << '\t' << c.value << '\t'
           << c.place << '\t' << format << '\t' << state << '\t' << one_line(text) << '\n';
    };
    try {
      Model<> model = model_of(c);
      fill(model);
      model.layer(subject_name).freeze(c.freeze);
      const std::vector<Tensor<float>> x = samples(model), y = outputs(model, x);
      std::filesystem::create_directories(at);
      write_arrays(at, "x", x);
      write_arrays(at, "y", y);
      if (c.freeze == Freeze::none && model.layer(subject_name).config().find("momentum")) write_moving(model, at, x);
      for (const char* format : {"json", "keras", "h5", "pt"}) {
        const auto [state, text] = write(model, c, format, at, x);
        line(format, state, text);
      }
    } catch (const Error& error) {
      line("-", "impossible", error.what());  // keel has no such layer: an option that does not go with the input
    }
  }
  return bad;
}

struct Row {
  std::string number, type, option, value, place, format, state, text;
};

std::vector<Row> rows(const std::string& folder) {
  std::vector<Row> all;
  std::ifstream list(folder + "/grid.tsv");
  for (std::string line; std::getline(list, line);) {
    std::istringstream stream(line);
    Row& row = all.emplace_back();
    for (std::string* field :
         {&row.number, &row.type, &row.option, &row.value, &row.place, &row.format, &row.state, &row.text})
      std::getline(stream, *field, '\t');
  }
  return all;
}

struct Result {
  double worst = INFINITY;
  std::string text;
};

int report(const std::string& folder) {
  std::map<std::string, std::map<std::string, Result>> results;  // "NUMBER FORMAT" -> reader
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with("results_")) continue;
    std::ifstream stream(entry.path());
    const std::string reader = file.substr(8, file.size() - 12);
    std::string number, format, value, text;
    while (std::getline(stream, number, '\t') && std::getline(stream, format, '\t') &&
           std::getline(stream, value, '\t') && std::getline(stream, text))
      results[number + " " + format][reader] = {value == "-" ? INFINITY : std::stod(value), text};
  }
  struct Total {
    int right = 0, refused = 0, wrong = 0, alone = 0;
  };
  std::map<std::string, std::map<std::string, Total>> totals;  // class -> format
  std::map<std::string, Total> formats;
  std::set<std::string> refusals;
  int combinations = 0, wrong = 0, impossible = 0;
  std::set<std::string> possible;  // classes and formats of which some combination was written
  for (const Row& row : rows(folder))
    if (row.state == "written") possible.insert(row.type + " ." + row.format);
  for (const Row& row : rows(folder)) {
    const std::string &type = row.type, &format = row.format, &state = row.state, &text = row.text;
    if (state == "impossible") {
      ++impossible;
      continue;
    }
    ++combinations;
    Total& total = totals[type][format];
    const std::string what =
        type + " " + (row.option == "-" ? "" : row.option + " ") + row.value + ", " + row.place + ", ." + format;
    const auto say = [&](bool good, const std::string& detail) {
      std::printf("%sok %s%s #%s\n", good ? "" : "not ", what.c_str(), detail.empty() ? "" : (": " + detail).c_str(),
                  row.number.c_str());
      wrong += !good;
    };
    if (state == "refused as a class" && possible.count(type + " ." + format)) {
      ++total.wrong, ++formats[format].wrong;
      say(false, "refused without the option's name: " + text);
      continue;
    }
    if (state.starts_with("refused")) {
      ++total.refused, ++formats[format].refused;
      refusals.insert("." + format + ": " + type + (row.option == "-" ? "" : " " + row.option) + ": " + text);
      say(true, "refused: " + text);
      continue;
    }
    std::string detail = text;
    bool good = state == "written";
    const auto& readers = results[row.number + " " + format];
    for (const auto& [reader, result] : readers) {
      char difference[40];
      std::snprintf(difference, sizeof difference, "%.1e", result.worst);
      const bool close = result.worst <= 1e-5;
      good = good && close;
      detail += (detail.empty() ? "" : "; ") + reader + " " + (std::isinf(result.worst) ? "fails" : difference) +
                (result.text.empty() ? "" : " " + result.text);
    }
    if (good && readers.empty()) {
      ++total.alone, ++formats[format].alone;
      detail = "nobody there to read it";
    } else if (good) {
      ++total.right, ++formats[format].right;
    } else {
      ++total.wrong, ++formats[format].wrong;
    }
    say(good, detail);
  }
  for (const std::string& refusal : refusals) std::printf("note refused %s\n", refusal.c_str());
  const auto sum = [](const Total& t) {
    return std::to_string(t.right) + " right, " + std::to_string(t.refused) + " refused" +
           (t.alone ? ", " + std::to_string(t.alone) + " not read" : "") +
           (t.wrong ? ", " + std::to_string(t.wrong) + " WRONG" : "");
  };
  for (const auto& [type, by_format] : totals) {
    std::string text;
    for (const auto& [format, total] : by_format)
      text += (text.empty() ? "" : "; ") + ("." + format) + " " + sum(total);
    std::printf("note grid %s: %s\n", type.c_str(), text.c_str());
  }
  for (const auto& [format, total] : formats) std::printf("note grid .%s: %s\n", format.c_str(), sum(total).c_str());
  std::printf(
      "note grid: %d combinations of layer, option and format, %d wrong; %d cases that keel's layers do not have\n",
      combinations, wrong, impossible);
  return wrong;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string part = argc > 2 ? argv[1] : "";
  if (part == "make") return make(argv[2], argc > 3 ? std::atoi(argv[3]) : 1000) ? 1 : 0;
  if (part == "report") return report(argv[2]) ? 1 : 0;
  return 2;
} catch (const Error& error) {
  std::printf("not ok %s\n", error.what());
  return 1;
}
