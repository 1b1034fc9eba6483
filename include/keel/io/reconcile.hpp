#pragma once
/// The engine that places the weights of every format: a file's tensors, in modules, find the model's parameters, in
/// modules of the same world (io/matching.hpp), which is both what loading does and what is printed.
///
/// A format gives `Module`s, a layer's slots as the file's world has them, and `SourceModule`s, the file's tensors.

#include <keel/io/matching.hpp>
#include <keel/io/weight_plan.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// Finds each tensor of the file its place, as `Matcher` says, and puts it all into the plan.
template <class T>
void reconcile(WeightPlan<T>& plan, const std::vector<Module<T>>& modules, const std::vector<SourceModule>& sources,
               Matching matching = Matching::order) {
  Matches matches = Matcher<T>(modules, sources, matching, plan.diagnosis.partial).run();
  plan.diagnosis.notes.push_back(std::move(matches.how));
  for (const Match& match : matches.pairs)
    pair_modules(plan, match.module < 0 ? nullptr : &nth(modules, match.module),
                 match.source < 0 ? nullptr : &nth(sources, match.source), match.certain);
  for (const auto& [i, choices] : matches.ambiguous) {
    const std::string names = detail::join(choices, " or ", [&](int j) { return printed(nth(sources, j).name); });
    for (const Slot<T>& slot : nth(modules, i).slots) plan.leave_open(slot, names);
  }
  for (Suspicion& suspicion : matches.suspicions) plan.diagnosis.suspicions.push_back(std::move(suspicion));
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
