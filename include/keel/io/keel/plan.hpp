#pragma once
/// The weights of one model for another.

#include <set>

#include <keel/io/keel/model_file.hpp>
#include <keel/io/reconcile.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// What two models of the same layers do differently.
template <class T>
void compare_options(const Model<T>& model, const Model<T>& file, WeightPlan<T>& plan) {
  std::set<std::pair<std::string, std::string>> seen;
  const auto owner = [](const std::string& name) { return name.substr(0, name.rfind('/')); };
  for (const Pairing& p : plan.diagnosis.pairings) {
    if (p.status != Pairing::Outcome::matched || p.parameter.find('/') == p.parameter.npos ||
        p.tensor.find('/') == p.tensor.npos)
      continue;
    const std::string mine = owner(p.parameter), theirs = owner(p.tensor);
    if (!seen.emplace(mine, theirs).second) continue;
    const Json a = to_json(model.layer(mine).config()), b = to_json(file.layer(theirs).config());
    for (const auto& [key, value] : a.items())
      if (key.find("initializer") == key.npos && b.contains(key) && b[key] != value)
        plan.diagnosis.suspicions.push_back(
            {mine, key + " is " + value.dump() + " in the model, " + b[key].dump() + " in the file"});
  }
}

}  // namespace io

/// How the weights of one model, `file`, would go into another; the archive holds them, in the order of `state_of`.
template <class T>
WeightPlan<T> plan_model(Model<T>& model, const Model<T>& file, const Archive& archive) {
  WeightPlan<T> plan(archive.where, archive.format, model.name());
  io::reconcile(plan, io::own_modules(model), io::source_modules(archive, '/'));
  io::compare_options(model, file, plan);
  return plan;
}

}  // namespace KEEL_ABI
}  // namespace keel
