// SPDX-License-Identifier: Apache-2.0
// The inside of GraphBuilder, shared by its files.

#ifndef HEDDLE_FRONTEND_GRAPHSTATE_H
#define HEDDLE_FRONTEND_GRAPHSTATE_H

#include <map>

#include "frontend/GraphBuilder.h"
#include "ir/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::frontend {

struct GraphBuilder::State {
  State(mlir::MLIRContext &context, Element number);

  /// An argument or result of the entry being written.
  struct Port {
    llvm::StringRef kind;
    std::string name;
    mlir::Value value;
    std::optional<int64_t> end = {}, padding = {}; // of an input
    bool frozen = false;                           // of a parameter
  };

  mlir::MLIRContext &context;
  Element number;
  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp entry; // null between entries
  std::vector<Port> arguments, results;
  std::vector<std::string> layers;
  std::vector<ParameterSpec> parameters;
  std::map<std::string, size_t> parameterIndex;
  Status status = absl::OkStatus();

  /// Keeps the first mistake.
  void fail(const std::string &message);
  std::string path() const;
  mlir::Location location() const;
  mlir::Type elementType(Element element) const;
  /// Null, with the mistake kept, where a size is less than 1.
  mlir::RankedTensorType tensorType(const Shape &shape, Element element);
  /// The argument of that name, made where the entry has none yet.
  mlir::Value argument(llvm::StringRef kind, const std::string &name, const Shape &shape,
                       Element element, const std::string &layerPath);
  /// The argument of that name; null, with the mistake kept, where the entry has none.
  Port *find(const std::string &argumentName);
  void result(llvm::StringRef kind, const std::string &name, Tensor tensor);
};

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_GRAPHSTATE_H
