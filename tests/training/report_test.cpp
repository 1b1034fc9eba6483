// The page of a run: what stands in it, and that it is well-formed. (tests/examples/check.sh opens one in a browser.)
#include <keel/keel.hpp>
#include <keel/training/report.hpp>

#include <doctest/doctest.h>

#include "small_problem.hpp"
#include "support/message.hpp"

using namespace keel;

namespace {

/// Whether tags of XML close in the order in which they open, attributes are quoted, and & begins an entity.
bool is_well_formed(const std::string& text) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '&' && text.find(';', at) > at + 7) return false;
    if (text[at] == '>') return false;
    if (text[at] != '<') continue;
    const std::size_t end = text.find('>', at);
    if (end == text.npos || text.substr(at + 1, end - at - 1).find('<') != text.npos) return false;
    const std::string tag = text.substr(at + 1, end - at - 1), name = tag.substr(0, tag.find(' '));
    if (std::count(tag.begin(), tag.end(), '"') % 2) return false;
    at = end;
    if (tag[0] == '!' || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else {
      if (open.empty() || "/" + open.back() != name) return false;
      open.pop_back();
    }
  }
  return open.empty();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

History two_epochs() {
  History history;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    Scores scores;
    scores.set("loss", 1.5 - static_cast<double>(epoch));
    scores.set("accuracy", epoch == 0 ? 0.25 : std::nan(""));
    scores.set("val_loss", 2);
    history.epochs.push_back(epoch);
    history.scores.push_back(scores);
  }
  return history;
}

/// Says the class at which the first `classes` pixels are largest.
Sequential<float> reader(Index classes, Activation activation) {
  Sequential model({2, 2, 1}, {.name = "a <reader> & \"more\""});
  model.add(Conv2D(2, 1, {.use_bias = false, .name = "look & see"})).add(Flatten());
  model.add(Dense(classes, {.activation = activation}));
  model.parameters()[0]->set(Tensor<float>({1, 1, 1, 2}, {1, 0}));
  Tensor<float> kernel({8, classes});
  for (Index i = 0; i < classes; ++i) kernel(2 * i, i) = 1;
  model.parameters()[1]->set(kernel);
  return model;
}

}  // namespace

TEST_CASE("A report has curves, matrix, wrong images, filters and summary, and is well-formed") {
  const auto model = reader(3, Activation::softmax);
  Tensor<float> x({4, 2, 2, 1}, {9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 5, 0, 0, 0, 9, 0}), y({4}, {0, 0, 1, 2});
  const std::string page = html_report(model, two_epochs(), {x, y}, {.labels = {"T-shirt & top", "<b>", "bag"}});
  CHECK(is_well_formed(page));
  CHECK(page.find("a &lt;reader&gt; &amp; &quot;more&quot;") != page.npos);
  CHECK(count(page, "<svg ") == 2);            // loss with val_loss, accuracy
  CHECK(count(page, "class=\"curve\"") == 6);  // three curves, each again in the legend
  CHECK(count(page, "<circle ") == 5);         // the accuracy that is NaN has no point
  CHECK(count(page, "<figure>") == 2);
  // sample 1, of class 0, was taken for 1 surely; sample 2, of class 1, for 2 less so
  const std::size_t surest = page.find("T-shirt &amp; top<br/>taken for &lt;b&gt;"),
                    other = page.find("&lt;b&gt;<br/>taken for bag");
  CHECK(surest < other);
  CHECK(other != page.npos);
  CHECK(page.find("sample 1<", surest) < page.find("sample 2<"));
  CHECK(page.find("<td>0.5000</td></tr>") != page.npos);  // the accuracy, at the matrix's corner
  CHECK(page.find("Filters of look &amp; see") != page.npos);
  CHECK(count(page, "<img ") == 2 + 2);
  CHECK(page.find(detail::escaped(model.summary().to_string())) != page.npos);
  CHECK(page.find("http") == page.find("http://www.w3.org/2000/svg"));  // nothing is fetched
  CHECK(count(page, "http") == count(page, "<svg "));
}

TEST_CASE("A report of one output, of logits, of one-hot targets, and without data") {
  Tensor<float> x({2, 2, 2, 1}, {4, 0, 0, 0, -4, 0, 0, 0});
  const auto one =
      html_report(reader(1, Activation::linear), {}, {x, Tensor<float>({2, 1}, {0, 0})}, {.from_logits = true});
  CHECK(count(one, "taken for 1") == 1);
  CHECK(one.find("98.2 %, sample 0") != one.npos);
  const auto two =
      html_report(reader(2, Activation::linear), {}, {x, Tensor<float>({2, 2}, {1, 0, 1, 0})}, {.from_logits = true});
  CHECK(two.find("98.2 %, sample 1") != two.npos);
  const auto none = html_report(reader(2, Activation::linear), two_epochs());
  CHECK(is_well_formed(none));
  CHECK(none.find("Confusion") == none.npos);
  CHECK(count(html_report(reader(2, Activation::softmax), {}, {x, Tensor<float>({2}, {1, 1})}, {.images = 1}),
              "<figure>") == 1);
}

TEST_CASE("A report refuses labels that are too few and models that are no classifiers") {
  const Dataset<float> data(Tensor<float>({1, 2, 2, 1}), Tensor<float>({1}));
  CHECK(message([&] { html_report(reader(3, Activation::softmax), {}, data, {.labels = {"one"}}); }) ==
        "[html_report] expected 3 labels, got 1");
  Sequential images({2, 2, 1}, {Conv2D(1, 1)});
  CHECK(message([&] { html_report(images, {}, data); }) ==
        "[html_report] expected a classifier: a model with one output of shape (classes), got (2, 2, 1) (leave out the "
        "data to "
        "report on others)");
}

TEST_CASE("PNG: chunks with their checksums, rows in stored blocks; base64 in its three lengths") {
  const std::vector<std::uint8_t> black(70000, 0);
  const std::string file = formats::png(black, 1, 70000, 1);
  CHECK(file.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(file.substr(file.size() - 12) == std::string("\0\0\0\0IEND\xae\x42\x60\x82", 12));
  // two stored blocks of 65535 and 4466 bytes, and the Adler-32 of 70001 zeros
  const std::size_t data = file.find("IDAT") + 4;
  CHECK(file.substr(data, 7) == std::string("\x78\x01\x00\xff\xff\x00\x00", 7));
  CHECK(file.substr(data + 7 + 65535, 5) == std::string("\x01\x72\x11\x8d\xee", 5));
  CHECK(file.substr(data + 12 + 70001, 4) == std::string("\x11\x80\x00\x01", 4));
  CHECK_THROWS_AS(formats::png(black, 1, 70000, 2), ConfigError);
  CHECK_THROWS_AS(formats::png(black, 1, 7, 1), ConfigError);
  CHECK(formats::base64("") == "");
  CHECK(formats::base64("f") == "Zg==");
  CHECK(formats::base64("fo") == "Zm8=");
  CHECK(formats::base64("foobar") == "Zm9vYmFy");
}
