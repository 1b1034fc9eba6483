#pragma once
/// What a run came to, as one page that needs no network: curves, confusion matrix, wrongly classified images, filters
/// of the first convolution, and the summary with the totals of both worlds.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <keel/formats/atomic_file.hpp>
#include <keel/formats/png_write.hpp>
#include <keel/model/predict.hpp>
#include <keel/model/summary/keel.hpp>
#include <keel/training/curves.hpp>
#include <keel/training/data.hpp>
#include <keel/training/metrics/confusion_matrix.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ReportOptions {
  std::string title{};                ///< of the page; "": the model's name
  std::vector<std::string> labels{};  ///< names of the classes; none: their numbers
  Index images = 24;         ///< wrongly classified images shown at most, those that the model was surest of first
  Index filters = 64;        ///< filters shown at most
  bool from_logits = false;  ///< the model's output is logits, as in LossOptions
};

namespace detail {

/// Values of an image, or of a filter, as an inline picture `scale` times as large; `low` is black and `high` white.
template <class T>
std::string picture(const T* values, Index height, Index width, Index channels, double low, double high, Index scale) {
  std::vector<std::uint8_t> pixels;
  for (Index i = 0; i < height * width * channels; ++i) {
    const double part = high > low ? (static_cast<double>(values[i]) - low) / (high - low) : 0.5;
    pixels.push_back(static_cast<std::uint8_t>(part >= 0 ? (std::min)(part, 1.0) * 255 + 0.5 : 0));
  }
  return "<img alt=\"\" width=\"" + std::to_string(width * scale) + "\" height=\"" + std::to_string(height * scale) +
         "\" src=\"data:image/png;base64," + formats::base64(formats::png(pixels, height, width, channels)) + "\"/>";
}

/// The scale at which a picture is about so many pixels wide.
inline Index scale_to(Index width, Index pixels) { return (std::max)(Index{1}, pixels / width); }

/// The predictions that the page speaks of, and which were wrong.
struct Judged {
  ConfusionMatrix matrix{2};
  struct Wrong {
    Index sample, truth, said;
    double sureness;  ///< the probability of the class said
  };
  std::vector<Wrong> wrong{};  ///< surest first
};

/// Probabilities of the classes of each sample; of one output, of the classes 0 and 1.
template <class T>
Tensor<T> probabilities(const Tensor<T>& y, bool from_logits) {
  const Index samples = y.shape()[0], outputs = y.shape().back();
  Tensor<T> p = y;
  if (from_logits) {
    Scratch scratch;
    activation_forward<T>(outputs == 1 ? Activation::sigmoid : Activation::softmax, samples, outputs, y.data(),
                          p.data(), KernelContext{scratch});
  }
  if (outputs > 1) return p;
  Tensor<T> both({samples, 2});
  for (Index i = 0; i < samples; ++i) {
    both[2 * i] = 1 - p[i];
    both[2 * i + 1] = p[i];
  }
  return both;
}

template <class T>
Judged judge(const Model<T>& model, const Dataset<T>& data, bool from_logits) {
  const Index classes = (std::max)(model.output_shape().back(), Index{2});
  Judged judged{.matrix = ConfusionMatrix(classes)};
  Batches<T> batches(data, {.batch_size = 256, .shuffle = false});
  Batch<T> batch;
  for (Index step = 0; batches(0, step, batch); ++step) {
    const Tensor<T> p = probabilities(model.predict(batch.inputs.at(0)), from_logits);
    const Tensor<T>& target = batch.targets.at(0);
    judged.matrix.update(p, target);
    const Index columns = target.size() / batch.size();
    Rows labels;
    take_rows(target.data(), batch.size(), columns, labels);
    for (Index i = 0; i < batch.size(); ++i) {
      const T* const row = p.data() + i * classes;
      const auto said = static_cast<Index>(std::max_element(row, row + classes) - row);
      const Index truth = class_of("html_report", detail::row(labels, i), classes);
      if (said != truth)
        judged.wrong.push_back({.sample = batch.indices[to_size(i)],
                                .truth = truth,
                                .said = said,
                                .sureness = static_cast<double>(row[said])});
    }
  }
  std::stable_sort(judged.wrong.begin(), judged.wrong.end(),
                   [](const auto& a, const auto& b) { return a.sureness > b.sureness; });
  return judged;
}

inline std::string matrix_table(const ConfusionMatrix& matrix, const std::vector<std::string>& labels) {
  std::string html = "<table>\n<tr><th>is \\ said</th>";
  for (const std::string& label : labels) html += "<th>" + escaped(label) + "</th>";
  html += "<th>recall</th></tr>\n";
  for (Index i = 0; i < matrix.classes(); ++i) {
    Index all = 0;
    for (Index j = 0; j < matrix.classes(); ++j) all += matrix(i, j);
    html += "<tr><th>" + escaped(nth(labels, i)) + "</th>";
    for (Index j = 0; j < matrix.classes(); ++j) {
      const double part = all > 0 ? static_cast<double>(matrix(i, j)) / static_cast<double>(all) : 0;
      html += "<td style=\"background:rgba(" + std::string(i == j ? "22,130,80," : "194,65,12,") + fixed(part, 3) +
              ")\">" + std::to_string(matrix(i, j)) + "</td>";
    }
    html += "<td>" + fixed(matrix.recall(i), 4) + "</td></tr>\n";
  }
  html += "<tr><th>precision</th>";
  for (Index j = 0; j < matrix.classes(); ++j) html += "<td>" + fixed(matrix.precision(j), 4) + "</td>";
  return html + "<td>" + fixed(matrix.accuracy(), 4) + "</td></tr>\n</table>\n";
}

/// The wrong ones as images, where samples are such.
template <class T>
std::string wrong_images(const Dataset<T>& data, const Judged& judged, const ReportOptions& options,
                         const std::vector<std::string>& labels) {
  const Shape shape = data.images().shape().sample();
  const bool images = shape.rank() == 3 && (shape[2] == 1 || shape[2] == 3 || shape[2] == 4);
  if (!images || judged.wrong.empty() || options.images == 0) return "";
  const auto [low, high] = std::minmax_element(data.images().begin(), data.images().end());
  std::string html = "<h2>Wrongly classified</h2>\n<p>" + std::to_string(judged.wrong.size()) + " of " +
                     std::to_string(data.size()) + "; those that the model was surest of come first.</p>\n<div>\n";
  for (Index i = 0; i < (std::min)(options.images, count_of(judged.wrong)); ++i) {
    const Judged::Wrong& wrong = nth(judged.wrong, i);
    html += "<figure>" +
            picture(data.images().data() + wrong.sample * shape.size(), shape[0], shape[1], shape[2],
                    static_cast<double>(*low), static_cast<double>(*high), scale_to(shape[1], 96)) +
            "<figcaption>" + escaped(nth(labels, wrong.truth)) + "<br/>taken for " + escaped(nth(labels, wrong.said)) +
            "<br/>" + fixed(wrong.sureness * 100, 1) + " %, sample " + std::to_string(wrong.sample) +
            "</figcaption></figure>\n";
  }
  return html + "</div>\n";
}

/// The filters of the first convolution over images: of 3 channels in colour, of others the mean over the channels.
template <class T>
std::string first_filters(const Model<T>& model, Index most) {
  for (Index l = 0; l < model.layer_count(); ++l)
    for (const Parameter<T>* p : model.layer(l).parameters()) {
      if (p->shape().rank() != 4) continue;
      const Shape& shape = p->shape();
      const Index in = shape[2], out = shape[3], channels = in == 3 ? 3 : 1, positions = shape[0] * shape[1];
      std::string html = "<h2>Filters of " + escaped(model.layer(l).name()) + "</h2>\n<p>" + shape.to_string() +
                         "; each is scaled from its least value, black, to its largest, white.</p>\n<div>\n";
      for (Index f = 0; f < (std::min)(out, most); ++f) {
        std::vector<double> values(to_size(positions * channels), 0);
        for (Index at = 0; at < positions; ++at)
          for (Index c = 0; c < in; ++c)
            nth(values, at * channels + (channels == 3 ? c : 0)) +=
                static_cast<double>(p->value().data()[(at * in + c) * out + f]);
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        html += picture(values.data(), shape[0], shape[1], channels, *low, *high, scale_to(shape[1], 48)) + "\n";
      }
      return html + "</div>\n";
    }
  return "";
}

inline std::string history_table(const History& history) {
  if (history.scores.empty()) return "";
  std::string html = "<table>\n<tr><th>epoch</th>";
  for (const auto& entry : history.scores[0].entries()) html += "<th>" + escaped(entry.first) + "</th>";
  html += "</tr>\n";
  for (std::size_t i = 0; i < history.scores.size(); ++i) {
    html += "<tr><td>" + std::to_string(history.epochs[i] + 1) + "</td>";
    for (const auto& entry : history.scores[0].entries()) {
      const double* value = history.scores[i].find(entry.first);
      html += "<td>" + (value ? text(*value) : std::string()) + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

inline std::string page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>" + escaped(title) +
         "</title>\n<style>\n"
         "body{font:15px/1.5 system-ui,sans-serif;color:#1c2733;max-width:1100px;margin:2rem auto;padding:0 1rem}\n"
         "h1,h2{line-height:1.2}h2{margin-top:2.2rem;border-bottom:1px solid #d5dde5}\n"
         "table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem "
         ".55rem;text-align:right}\n"
         "th{font-weight:600;background:#eef2f6}pre{overflow:auto;background:#f6f8fa;padding:1rem;font-size:13px}\n"
         "svg text{font:12px system-ui,sans-serif;fill:#44515e}.grid{stroke:#dde4ea}.curve{fill:none;stroke-width:2}\n"
         "figure{display:inline-block;margin:.4rem;vertical-align:top;font-size:12px}\n"
         "img{image-rendering:pixelated;margin:2px;border:1px solid #d5dde5}\n"
         "</style>\n</head>\n<body>\n<h1>" +
         escaped(title) + "</h1>\n" + body + "</body>\n</html>\n";
}

template <class T>
std::string report(const Model<T>& model, const History& history, const std::string& results,
                   const ReportOptions& options) {
  const std::string& name = options.title.empty() ? model.name() : options.title;
  return page(name.empty() ? "Training" : name, "<h2>Curves</h2>\n" + svg_plots(history) + results +
                                                    first_filters(model, options.filters) + "<h2>Epochs</h2>\n" +
                                                    history_table(history) + "<h2>Summary</h2>\n<pre>" +
                                                    escaped(model.summary().to_string()) + "</pre>\n");
}

}  // namespace detail

/// The page of a run, in HTML that is well-formed XML too.
template <class T>
std::string html_report(const Model<T>& model, const History& history, const ReportOptions& options = {}) {
  return detail::report(model, history, "", options);
}

/// The same with what a classifier makes of `data`: one output a class, or one output for two. Throws ConfigError where
/// there is not a label for each class, and what ConfusionMatrix throws for targets that are no classes.
template <class T>
std::string html_report(const Model<T>& model, const History& history, const std::type_identity_t<Dataset<T>>& data,
                        const ReportOptions& options = {}) {
  if (model.outputs().size() != 1 || model.output_shape().rank() != 1)
    throw ConfigError("html_report", "a classifier: a model with one output of shape (classes)",
                      model.outputs().size() == 1 ? model.output_shape().to_string() : "another",
                      "leave out the data to report on others");
  const detail::Judged judged = detail::judge(model, data, options.from_logits);
  std::vector<std::string> labels = options.labels;
  for (Index c = 0; options.labels.empty() && c < judged.matrix.classes(); ++c) labels.push_back(std::to_string(c));
  if (count_of(labels) != judged.matrix.classes())
    throw ConfigError("html_report", std::to_string(judged.matrix.classes()) + " labels",
                      std::to_string(labels.size()));
  return detail::report(model, history,
                        "<h2>Confusion matrix</h2>\n" + detail::matrix_table(judged.matrix, labels) +
                            detail::wrong_images(data, judged, options, labels),
                        options);
}

}  // namespace KEEL_ABI
}  // namespace keel
