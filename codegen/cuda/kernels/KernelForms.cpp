// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/KernelForms.h"

#include <limits>

#include "ir/KernelForms.h"
#include "runtime/base/Limits.h"

using namespace mlir;

namespace heddle::codegen {
namespace cuda {
namespace {

constexpr int64_t kU32Elements = int64_t{1} << 31;

} // namespace

void openFunction(TextWriter &out, ir::KernelOp kernel, const std::string &name, int threads,
                  bool workspace) {
  std::string parameters;
  for (unsigned i = 0; i < kernel.getNumOperands(); ++i)
    parameters += "const " + memoryType(elementTypeOf(kernel.getOperand(i))) + " *in" +
                  std::to_string(i) + ", ";
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    parameters +=
        memoryType(elementTypeOf(kernel.getResult(i))) + " *out" + std::to_string(i) + ", ";
  if (workspace)
    parameters += "u8 *workspace, ";
  parameters.resize(parameters.size() - 2);
  out.open("GK_KERNEL(" + Twine(threads) + ", 1) " + name + "(" + parameters + ")");
}

void closeFunction(TextWriter &out, const std::string &name) {
  out.close();
  out.line("GK_EXPORT(" + name + ")");
}

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += "[" + std::to_string(size) + "]";
  return text.empty() ? "[]" : text;
}

const char *indexType(int64_t elements) { return elements < kU32Elements ? "u32" : "u64"; }

const char *indexType(const BodyReads &reads, int64_t elements) {
  int64_t most = elements;
  for (const BodyReads::Leaf &leaf : reads.leaves()) {
    int64_t last = reads.space().offset(leaf.window) + 1;
    for (size_t axis = 0; axis < reads.space().sizes().size(); ++axis)
      last += (reads.space().sizes()[axis] - 1) * reads.space().strides(leaf.window)[axis];
    most = std::max(most, last);
  }
  return indexType(most);
}

std::vector<std::string> splitIndex(TextWriter &out, const std::string &index,
                                    ArrayRef<int64_t> sizes, const char *type,
                                    const std::string &prefix) {
  std::vector<std::string> names(sizes.size());
  std::string declarations;
  int64_t inner = 1;
  for (size_t axis = sizes.size(); axis-- > 0; inner *= sizes[axis]) {
    std::string rest = inner == 1 ? index : index + " / " + std::to_string(inner);
    if (sizes[axis] == 1 && sizes.size() > 1) {
      names[axis] = "0";
      continue;
    }
    if (axis > 0)
      rest += " % " + std::to_string(sizes[axis]);
    if (rest == index) {
      names[axis] = index;
      continue;
    }
    names[axis] = prefix + std::to_string(axis);
    declarations += (declarations.empty() ? "" : ", ") + names[axis] + " = " + rest;
  }
  if (!declarations.empty())
    out.line("const " + Twine(type) + " " + declarations + ";");
  return names;
}

static FormResult generateForm(const FormInput &input, ir::KernelForm form) {
  switch (form) {
  case ir::KernelForm::Map:
    return generateMap(input);
  case ir::KernelForm::Row:
    return generateRow(input);
  case ir::KernelForm::ColumnReduce:
    return generateColumnReduce(input);
  case ir::KernelForm::Gemm:
    return generateGemm(input);
  case ir::KernelForm::Attention:
    return generateAttention(input);
  case ir::KernelForm::AttentionGrad:
    return generateAttentionGrad(input);
  case ir::KernelForm::Single:
    return generateSingle(input);
  }
  llvm_unreachable("unknown form");
}

ValueRange yieldsOf(ir::KernelOp kernel) {
  return kernel.getBody().front().getTerminator()->getOperands();
}

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Type elementTypeOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

int64_t elementsOf(Value value) { return cast<RankedTensorType>(value.getType()).getNumElements(); }

} // namespace cuda

/// Whether any device takes the launches.
static bool fitsDevice(const CudaProgram &program, std::string *reason) {
  for (const CudaProgramLaunch &launch : program.launches) {
    if (launch.blocks > std::numeric_limits<int32_t>::max())
      *reason = std::to_string(launch.blocks) + " blocks, more than a grid holds";
    else if (static_cast<uint64_t>(launch.sharedBytes) > limits::kSharedBytes)
      *reason = std::to_string(launch.sharedBytes) + " bytes of shared memory, more than the " +
                std::to_string(limits::kSharedBytes) + " that a block has";
    else
      continue;
    return false;
  }
  return true;
}

FailureOr<CudaProgram> generateCudaProgram(ir::KernelOp kernel, const std::string &name,
                                           std::string *reason) {
  std::string ignored;
  if (!reason)
    reason = &ignored;
  std::optional<ir::KernelAnatomy> anatomy = ir::classifyKernel(kernel, reason);
  if (!anatomy)
    return failure();
  TableText tables(name);
  FailureOr<CudaProgram> result =
      cuda::generateForm({kernel, anatomy->anchor, name, tables, reason}, anatomy->form);
  if (failed(result) || !fitsDevice(*result, reason))
    return failure();
  result->text = tables.text() + result->text;
  return result;
}

} // namespace heddle::codegen
