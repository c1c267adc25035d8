// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/ByteAlphabet.h"

#include <algorithm>
#include <array>

#include "runtime/tokenizer/Characters.h"

namespace heddle::runtime {
namespace {

constexpr uint32_t kLastCharacter = 0x143;

struct Alphabet {
  std::array<uint16_t, 256> character{};
  std::array<int16_t, kLastCharacter + 1> byte{};
  std::array<std::string, 256> spelled;

  Alphabet() {
    byte.fill(-1);
    uint16_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
      character[b] = printable ? static_cast<uint16_t>(b) : next++;
      byte[character[b]] = static_cast<int16_t>(b);
      appendCharacter(character[b], spelled[b]);
    }
  }
};

const Alphabet &alphabet() {
  static const Alphabet made;
  return made;
}

} // namespace

uint32_t byteCharacter(uint8_t byte) { return alphabet().character[byte]; }

int byteOfCharacter(uint32_t code) { return code <= kLastCharacter ? alphabet().byte[code] : -1; }

void appendByteAlphabet(std::string_view text, std::string &out) {
  const auto &spelled = alphabet().spelled;
  for (char byte : text)
    out += spelled[static_cast<uint8_t>(byte)];
}

void appendSpelledBytes(std::string_view token, std::string &out) {
  size_t size = out.size();
  bool all = true;
  for (size_t at = 0; at < token.size() && all;) {
    Character c = characterAt(token, at);
    int byte = byteOfCharacter(c.code);
    all = byte >= 0;
    out.push_back(static_cast<char>(byte));
    at += c.length;
  }
  if (all)
    return;
  out.resize(size);
  out += token;
}

} // namespace heddle::runtime
