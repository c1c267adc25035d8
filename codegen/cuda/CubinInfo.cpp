// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/CubinInfo.h"

#include <cstring>
#include <elf.h>
#include <vector>

#include "runtime/io/ElfSections.h"

namespace heddle::codegen {
namespace {

using runtime::ElfSection;

constexpr uint16_t kMachineCuda = 190;
constexpr int kInstructionBytes = 16;

// The low twelve bits of an instruction say what it does and, in the upper three, where its
// operands are. Found by compiling each PTX instruction several times and counting what grew.
struct KnownOpcode {
  uint16_t bits;
  CudaOpcode opcode;
};
constexpr uint16_t kMembar = 0x992;
constexpr KnownOpcode kOpcodes[] = {
    {0x9f0, CudaOpcode::Hgmma},       {0xdf0, CudaOpcode::Hgmma},
    {0x23c, CudaOpcode::Hmma},        {0x83b, CudaOpcode::Ldsm},
    {0x844, CudaOpcode::Stsm},        {0xfae, CudaOpcode::Ldgsts},
    {0x5b4, CudaOpcode::Utmaldg},     {0x3b4, CudaOpcode::Utmaldg},
    {0x3b5, CudaOpcode::Utmastg},     {0x983, CudaOpcode::LocalLoad},
    {0x387, CudaOpcode::LocalStore},  {0x42b, CudaOpcode::DoubleFma},
    {kMembar, CudaOpcode::GpuMembar}, {0x9c8, CudaOpcode::SetRegisters},
};

template <typename T> T read(std::string_view bytes, size_t at) {
  T value{};
  if (at + sizeof(T) <= bytes.size())
    memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

/// A fence for the block alone, which a proxy fence holds, is cheap.
bool isOfGpu(uint64_t upperHalf) { return upperHalf >> 12 & 2; }

std::map<CudaOpcode, int> countOpcodes(std::string_view text) {
  std::map<CudaOpcode, int> counts;
  for (size_t at = 0; at + kInstructionBytes <= text.size(); at += kInstructionBytes) {
    uint16_t bits = read<uint16_t>(text, at) & 0xfff;
    if (bits == kMembar && !isOfGpu(read<uint64_t>(text, at + 8)))
      continue;
    for (const KnownOpcode &known : kOpcodes)
      if (known.bits == bits)
        ++counts[known.opcode];
  }
  return counts;
}

/// Names of symbols by their number.
std::vector<std::string> symbolNames(const std::vector<ElfSection> &sections) {
  std::string_view symbols, names;
  for (const ElfSection &section : sections) {
    if (section.name == ".symtab")
      symbols = section.bytes;
    if (section.name == ".strtab")
      names = section.bytes;
  }
  std::vector<std::string> result;
  for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym)) {
    uint32_t name = read<Elf64_Sym>(symbols, at).st_name;
    std::string_view text = name < names.size() ? names.substr(name) : std::string_view();
    result.emplace_back(text.substr(0, text.find('\0')));
  }
  return result;
}

/// Calls visit(attribute, payload) for each entry of .nv.info: a form, an attribute, then two bytes
/// of value or of length.
template <typename Visit> void forEachAttribute(std::string_view info, Visit visit) {
  constexpr uint8_t kWithLength = 4;
  for (size_t at = 0; at + 4 <= info.size();) {
    auto form = read<uint8_t>(info, at), attribute = read<uint8_t>(info, at + 1);
    size_t length = form == kWithLength ? read<uint16_t>(info, at + 2) : 0;
    visit(attribute, info.substr(at + 4, length));
    at += 4 + length;
  }
}

bool takePrefix(std::string_view &name, std::string_view prefix) {
  if (name.substr(0, prefix.size()) != prefix)
    return false;
  name.remove_prefix(prefix.size());
  return true;
}

} // namespace

StatusOr<std::map<std::string, CubinKernel>> readCubin(std::string_view bytes) {
  std::vector<ElfSection> sections = runtime::elfSections(bytes);
  if (sections.empty() || read<Elf64_Ehdr>(bytes, 0).e_machine != kMachineCuda)
    return invalidInput("no cubin");
  std::map<std::string, CubinKernel> kernels;
  for (const ElfSection &section : sections)
    if (std::string_view name = section.name; takePrefix(name, ".text."))
      kernels[std::string(name)].opcodes = countOpcodes(section.bytes);
  std::vector<std::string> symbols = symbolNames(sections);
  for (const ElfSection &section : sections) {
    if (section.name != ".nv.info")
      continue;
    forEachAttribute(section.bytes, [&](uint8_t attribute, std::string_view payload) {
      constexpr uint8_t kFrameSize = 0x11, kRegisters = 0x2f;
      auto symbol = read<uint32_t>(payload, 0), value = read<uint32_t>(payload, 4);
      if (payload.size() < 8 || symbol >= symbols.size() || !kernels.count(symbols[symbol]))
        return;
      if (attribute == kRegisters)
        kernels[symbols[symbol]].registers = static_cast<int>(value);
      if (attribute == kFrameSize)
        kernels[symbols[symbol]].frameBytes = static_cast<int>(value);
    });
  }
  return kernels;
}

} // namespace heddle::codegen
