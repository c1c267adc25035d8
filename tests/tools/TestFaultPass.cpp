// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/TestFaultPass.h"

#include <csignal>
#include <cstdlib>
#include <new>
#include <set>
#include <unistd.h>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace heddle::tests {
namespace {

/// Recursion that no compiler turns into a loop or sees to be without end.
int overflowStack(volatile int *outer) {
  volatile int frame[1024];
  frame[0] = *outer + 1;
  if (frame[0] < 0)
    return 0;
  return overflowStack(frame) + frame[0];
}

class TestFaultPass : public PassWrapper<TestFaultPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestFaultPass)

  TestFaultPass() = default;
  TestFaultPass(const TestFaultPass &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "heddle-test-fault"; }
  StringRef getDescription() const override { return "fails in a way of one's choice"; }

  void runOnOperation() override {
    std::set<std::string> there;
    getOperation()->walk([&](Operation *op) { there.insert(op->getName().getStringRef().str()); });
    SmallVector<StringRef> wanted;
    StringRef(when).split(wanted, '+', -1, /*KeepEmpty=*/false);
    for (StringRef name : wanted)
      if (!there.count(name.str()))
        return;
    happen();
  }

  Option<std::string> kind{*this, "kind", llvm::cl::init("fail")};
  Option<std::string> when{*this, "when", llvm::cl::init("")};

private:
  /// No op of the dialect has an index for a result.
  void makeInvalid() {
    getOperation()->walk([](Operation *op) {
      for (Value result : op->getResults())
        result.setType(IndexType::get(op->getContext()));
    });
  }

  void happen() {
    if (kind == "fail")
      return signalPassFailure();
    if (kind == "error") {
      getOperation().emitError("planted");
      return signalPassFailure();
    }
    if (kind == "invalid")
      makeInvalid();
    if (kind == "segv")
      std::raise(SIGSEGV);
    if (kind == "abort")
      std::abort();
    volatile size_t tooMuch = size_t{1} << 60;
    if (kind == "memory")
      ::operator delete(::operator new(tooMuch));
    volatile int start = 0;
    if (kind == "overflow")
      start = overflowStack(&start);
    while (kind == "hang")
      pause();
  }
};

PassRegistration<TestFaultPass> registration;

} // namespace

std::unique_ptr<Pass> createTestFaultPass(const std::string &kind, const std::string &when) {
  auto pass = std::make_unique<TestFaultPass>();
  pass->kind = kind;
  pass->when = when;
  return pass;
}

} // namespace heddle::tests
