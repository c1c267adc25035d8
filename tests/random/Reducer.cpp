// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Reducer.h"

#include <cctype>
#include <set>

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "passes/EntrySignature.h"
#include "tests/random/Graph.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::random {
namespace {

func::FuncOp functionOf(ModuleOp module) { return *module.getOps<func::FuncOp>().begin(); }

std::vector<Operation *> opsOf(ModuleOp module) {
  std::vector<Operation *> ops;
  for (Operation &op : functionOf(module).getBody().front().without_terminator())
    ops.push_back(&op);
  return ops;
}

/// Removes ops and arguments that nothing reads.
void sweep(ModuleOp module) {
  std::vector<Operation *> ops = opsOf(module);
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty())
      op->erase();
  func::FuncOp function = functionOf(module);
  llvm::BitVector unused(function.getNumArguments());
  for (BlockArgument argument : function.getArguments())
    unused[argument.getArgNumber()] = argument.use_empty();
  (void)function.eraseArguments(unused);
}

/// Keeps the results for which `keep` holds.
bool keepResults(ModuleOp module, llvm::function_ref<bool(unsigned)> keep) {
  func::FuncOp function = functionOf(module);
  passes::EntryResults results(function);
  unsigned kept = 0, count = function.getNumResults();
  Operation *end = function.getBody().front().getTerminator();
  for (unsigned i = 0; i < count; ++i)
    if (keep(i)) {
      results.add(end->getOperand(i), resultKind(function, i), resultName(function, i));
      ++kept;
    }
  if (kept == 0 || kept == count)
    return false;
  results.finish();
  return true;
}

/// Returns what one op computes, and nothing else: everything behind it may go.
bool returnOnly(ModuleOp module, Operation *op) {
  passes::EntryResults results(functionOf(module));
  for (OpResult result : op->getResults())
    results.add(result, kKindOutput, "r" + std::to_string(result.getResultNumber()));
  results.finish();
  return true;
}

/// An argument in place of a value: everything before it may go.
Value standIn(ModuleOp module, Value value) {
  func::FuncOp function = functionOf(module);
  const unsigned index = function.getNumArguments();
  bool isFloat = isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType());
  std::set<std::string> names;
  for (unsigned i = 0; i < index; ++i)
    names.insert(argumentName(function, i).str());
  std::string name;
  for (int number = 0; name.empty() || names.count(name); ++number)
    name = (isFloat ? "float_cut" : "flags_cut") + std::to_string(number);
  (void)function.insertArgument(index, value.getType(), DictionaryAttr::get(module.getContext()),
                                value.getLoc());
  setArgumentNames(function, index, kKindInput, name);
  return function.getArgument(index);
}

bool replaceByOperand(Operation *op, unsigned number) {
  if (op->getNumResults() != 1 || number >= op->getNumOperands() ||
      op->getOperand(number).getType() != op->getResult(0).getType())
    return false;
  op->getResult(0).replaceAllUsesWith(op->getOperand(number));
  return true;
}

bool replaceByArguments(ModuleOp module, Operation *op) {
  for (Value result : op->getResults())
    if (!result.use_empty())
      result.replaceAllUsesWith(standIn(module, result));
  return true;
}

/// Flags, and what attention may have or not. Verifiers take for granted that the others are there.
bool dropAttribute(Operation *op, unsigned number) {
  DictionaryAttr attributes = op->getAttrDictionary();
  if (number >= attributes.size())
    return false;
  NamedAttribute attribute = attributes.getValue()[number];
  StringRef name = attribute.getName();
  if (!isa<UnitAttr>(attribute.getValue()) && name != "window" && name != "soft_cap")
    return false;
  op->removeAttr(name);
  return true;
}

/// Optional operands, by op.
bool dropOperand(Operation *op, unsigned number) {
  SmallVector<MutableOperandRange> optional;
  if (auto attention = dyn_cast<AttentionOp>(op))
    optional = {attention.getBiasMutable(), attention.getKeyMaskMutable(),
                attention.getKvLengthsMutable()};
  if (auto gradient = dyn_cast<AttentionGradOp>(op))
    optional = {gradient.getKeyMaskMutable(), gradient.getKvLengthsMutable()};
  if (auto norm = dyn_cast<LayerNormOp>(op))
    optional = {norm.getGammaMutable(), norm.getBetaMutable()};
  if (auto norm = dyn_cast<RmsNormOp>(op))
    optional = {norm.getGammaMutable()};
  if (auto ffn = dyn_cast<FfnOp>(op))
    optional = {ffn.getBInMutable(), ffn.getBOutMutable()};
  if (auto loss = dyn_cast<LinearCrossEntropyOp>(op))
    optional = {loss.getBiasMutable()};
  if (number >= optional.size() || optional[number].size() == 0)
    return false;
  optional[number].clear();
  return true;
}

/// Every size that `from` divides, divided by it and multiplied by `to`: joined axes shrink with
/// their parts. On the text, where sizes stand in types, windows and names alike.
std::string withFactor(StringRef text, int64_t from, int64_t to) {
  std::string result;
  while (!text.empty()) {
    // The next place with sizes, and what its sizes consist of.
    size_t place = StringRef::npos, head = 0;
    for (StringRef start : {"tensor<", "array<i64: ", "_of"})
      if (size_t at = text.find(start); at < place) {
        place = at;
        head = start.size();
      }
    size_t begin = place == StringRef::npos ? text.size() : place + head;
    size_t end = std::min(text.find_first_not_of("0123456789x, ", begin), text.size());
    result += text.take_front(begin);
    for (StringRef sizes = text.slice(begin, end); !sizes.empty();) {
      StringRef digits = sizes.take_while([](char c) { return std::isdigit(c); });
      int64_t value = 0;
      if (digits.empty() || digits.getAsInteger(10, value)) {
        result += sizes.front();
        sizes = sizes.drop_front();
        continue;
      }
      result += std::to_string(value > 0 && value % from == 0 ? value / from * to : value);
      sizes = sizes.drop_front(digits.size());
    }
    text = text.drop_front(end);
  }
  return result;
}

class Reducer {
public:
  Reducer(OwningOpRef<ModuleOp> module, const std::function<bool(ModuleOp)> &fails)
      : best_(std::move(module)), fails_(fails) {}

  OwningOpRef<ModuleOp> run() {
    // Candidates that do not verify are none of the user's business.
    ScopedDiagnosticHandler quiet(best_->getContext(), [](Diagnostic &) { return success(); });
    tryEdit([](ModuleOp) { return true; });
    bool smaller = true;
    while (smaller) { // each of them in every round
      smaller = dropResults();
      smaller |= shortenOps();
      smaller |= simplifyOps();
      smaller |= shrinkSizes();
    }
    return std::move(best_);
  }

private:
  using Edit = llvm::function_ref<bool(ModuleOp)>;

  bool accept(OwningOpRef<ModuleOp> candidate) {
    if (!candidate || failed(verify(*candidate)) || !fails_(*candidate))
      return false;
    best_ = std::move(candidate);
    return true;
  }
  bool tryEdit(Edit edit) {
    OwningOpRef<ModuleOp> candidate(best_->clone());
    if (!edit(*candidate))
      return false;
    sweep(*candidate);
    // Only what verifies can be printed.
    if (failed(verify(*candidate)) || textOf(*candidate) == textOf(*best_))
      return false;
    return accept(std::move(candidate));
  }
  bool tryAtOp(size_t index, llvm::function_ref<bool(ModuleOp, Operation *)> edit) {
    return tryEdit([&](ModuleOp module) {
      std::vector<Operation *> ops = opsOf(module);
      return index < ops.size() && edit(module, ops[index]);
    });
  }

  bool dropResults() {
    // The first op that will do leaves the least.
    for (size_t index = 0; index < opsOf(*best_).size(); ++index)
      if (tryAtOp(index, returnOnly))
        return true;
    for (unsigned only = 0; only < functionOf(*best_).getNumResults(); ++only)
      if (tryEdit(
              [&](ModuleOp m) { return keepResults(m, [&](unsigned i) { return i == only; }); }))
        return true;
    bool any = false;
    for (unsigned number = functionOf(*best_).getNumResults(); number-- > 0;)
      any |= tryEdit(
          [&](ModuleOp m) { return keepResults(m, [&](unsigned i) { return i != number; }); });
    return any;
  }

  /// From the end, so that what is cut first takes the most with it.
  bool shortenOps() {
    bool any = false;
    for (size_t index = opsOf(*best_).size(); index-- > 0;) {
      for (unsigned operand = 0; operand < 3; ++operand)
        any |=
            tryAtOp(index, [&](ModuleOp, Operation *op) { return replaceByOperand(op, operand); });
      any |= tryAtOp(index, [](ModuleOp m, Operation *op) {
        return !isa<ConstantOp>(op) && replaceByArguments(m, op);
      });
    }
    return any;
  }

  bool simplifyOps() {
    bool any = false;
    for (size_t index = 0; index < opsOf(*best_).size(); ++index)
      for (unsigned number = 0; number < 8; ++number) {
        any |= tryAtOp(index, [&](ModuleOp, Operation *op) { return dropOperand(op, number); });
        any |= tryAtOp(index, [&](ModuleOp, Operation *op) { return dropAttribute(op, number); });
      }
    return any;
  }

  bool shrinkSizes() {
    bool any = false;
    for (int64_t from : {131, 37, 31, 23, 19, 17, 13, 11, 9, 7, 5, 4, 3, 2})
      for (int64_t to = 1; to < from; to = to < 3 ? to + 1 : 2 * to) {
        std::string before = textOf(*best_), after = withFactor(before, from, to);
        if (after == before)
          break;
        if (accept(parseSourceString<ModuleOp>(after, best_->getContext()))) {
          any = true;
          break;
        }
      }
    return any;
  }

  OwningOpRef<ModuleOp> best_;
  const std::function<bool(ModuleOp)> &fails_;
};

} // namespace

OwningOpRef<ModuleOp> reduce(OwningOpRef<ModuleOp> module,
                             const std::function<bool(ModuleOp)> &fails) {
  return Reducer(std::move(module), fails).run();
}

} // namespace heddle::random
