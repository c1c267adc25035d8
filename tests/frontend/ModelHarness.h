// SPDX-License-Identifier: Apache-2.0
// What the frontend's tests share: models from files or text, built and evaluated by the
// interpreter, and the goldens of tests/goldens.

#ifndef HEDDLE_TESTS_FRONTEND_MODELHARNESS_H
#define HEDDLE_TESTS_FRONTEND_MODELHARNESS_H

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "frontend/Builder.h"
#include "frontend/Model.h"
#include "ir/interpreter/Interpreter.h"
#include "runtime/io/Weights.h"

namespace heddle::test {

using Feed = std::map<std::string, ir::TensorRef>;

/// The folder of the repository.
std::string sourceDir();
/// A folder of tests/goldens.
std::string goldenFolder(const std::string &name);

/// A ModelDef from text; fails the test where it does not parse.
frontend::proto::ModelDef parseModel(const std::string &text);

/// An i32 tensor, as the interpreter has it.
ir::TensorRef ints(std::vector<int64_t> shape, const std::vector<int64_t> &values);
/// A tensor of a file as the interpreter has it; integers become i32.
ir::TensorRef toInterpreter(const runtime::TensorView &view);
/// All tensors of a file or folder.
Feed readTensors(const std::string &path);

/// A module and its context.
class BuiltModel {
public:
  /// Entries of the definition in the given type; fails the test where building fails.
  BuiltModel(const frontend::proto::ModelDef &definition, int64_t batch, int64_t seq,
             frontend::Element number = frontend::Element::f64, int64_t sourceSeq = 0);

  /// Evaluates an entry on arguments by name; missing ones fail the test. Results by name.
  Feed run(const std::string &entry, const Feed &feed);
  mlir::func::FuncOp entry(const std::string &name);
  /// The entry as text with layer paths left out.
  std::string text(const std::string &name);

private:
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
};

/// Random parameters of the definition, by name.
Feed randomParameters(const frontend::proto::ModelDef &definition, uint64_t seed);

/// The largest |a - b|; fails the test where the shapes differ.
double largestDifference(const ir::TensorRef &a, const ir::TensorRef &b);

/// Fails the test unless the lines of `parts` stand in `text` in this order.
void expectInOrder(const std::string &text, const std::vector<std::string> &parts);

} // namespace heddle::test

#endif // HEDDLE_TESTS_FRONTEND_MODELHARNESS_H
