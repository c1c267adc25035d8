// SPDX-License-Identifier: Apache-2.0
// The wgmma family: an instruction's accumulators are named operands, one each, so that a function
// for each N has to be written out. device/Wgmma.cuh documents them and has their host twins.
#include "codegen/cuda/DeviceHeader.h"

namespace heddle::codegen {
namespace {

std::string number(int n) { return std::to_string(n); }

/// The operands %from ... as they stand in an instruction: "%2,%3,%4".
std::string operands(int from, int count) {
  std::string list;
  for (int i = 0; i < count; ++i)
    list += (i ? ",%" : "%") + number(from + i);
  return list;
}

/// For each of a register array's elements: "+f"(d[0]), "+f"(d[1]).
std::string constraints(const char *constraint, const char *array, int count) {
  std::string list;
  for (int i = 0; i < count; ++i)
    list += std::string(i ? ", " : "") + constraint + "(" + array + "[" + number(i) + "])";
  return list;
}

struct Element {
  const char *suffix; ///< of the function
  const char *type;   ///< in the instruction
  int k;
  bool mayTranspose; ///< 16-bit types alone may be MN-major
};

/// Where an instruction's A comes from.
enum class ASource { SharedMemory, Registers };

std::string function(const Element &element, int n, ASource source) {
  bool inRegisters = source == ASource::Registers;
  int accumulators = n / 2, aOperands = inRegisters ? 4 : 1;
  int a = accumulators, b = a + aOperands, accumulate = b + 1, flags = accumulate + 1;

  std::string parameters = element.mayTranspose ? std::string("template <") +
                                                      (inRegisters ? "" : "int tA, ") + "int tB> "
                                                : "";
  std::string transposes, transposeInputs;
  if (element.mayTranspose && !inRegisters) {
    transposes = ", %" + number(flags) + ", %" + number(flags + 1);
    transposeInputs = R"(, "n"(tA), "n"(tB))";
  } else if (element.mayTranspose) {
    transposes = ", %" + number(flags);
    transposeInputs = R"(, "n"(tB))";
  }
  std::string aText = inRegisters ? "{" + operands(a, 4) + "}" : "%" + number(a);
  std::string aInput = inRegisters ? constraints("\"r\"", "a", 4) : R"("l"(a))";

  return parameters + "GK_CALL void gk_wgmma_" + element.suffix + (inRegisters ? "_ra" : "") +
         "(float (&d)[" + number(accumulators) + "], " +
         (inRegisters ? "const u32 (&a)[4]" : "u64 a") + ", u64 b, int accumulate) {\n" +
         "  asm volatile(\"{ .reg .pred p; setp.ne.b32 p, %" + number(accumulate) + ", 0; \"\n" +
         "    \"wgmma.mma_async.sync.aligned.m64n" + number(n) + "k" + number(element.k) + ".f32." +
         element.type + "." + element.type + " \"\n    \"{" + operands(0, accumulators) + "}, " +
         aText + ", %" + number(b) + ", p, 1, 1" + transposes +
         "; }\"\n    : " + constraints("\"+f\"", "d", accumulators) + "\n    : " + aInput +
         R"(, "l"(b), "r"(accumulate))" + transposeInputs + ");\n}\n";
}

void append(std::string &text, const Element &element, const std::vector<int> &widths) {
  for (int n : widths)
    text += function(element, n, ASource::SharedMemory) + function(element, n, ASource::Registers);
}

} // namespace

std::string wgmmaText(const WgmmaShapes &shapes) {
  std::string text;
  append(text, {"bf16", "bf16", 16, true}, shapes.bf16);
  append(text, {"tf32", "tf32", 8, false}, shapes.tf32);
  return text.empty() ? text : "#if GK_SM90\n" + text + "#endif\n";
}

} // namespace heddle::codegen
