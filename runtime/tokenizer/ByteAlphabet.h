// SPDX-License-Identifier: Apache-2.0
// The 256 characters that stand for bytes in byte-level vocabularies (GPT-2's): printable
// characters of Latin-1 stand for themselves, the other bytes, in order, for U+0100 and on.

#ifndef HEDDLE_RUNTIME_TOKENIZER_BYTEALPHABET_H
#define HEDDLE_RUNTIME_TOKENIZER_BYTEALPHABET_H

#include <cstdint>
#include <string>
#include <string_view>

namespace heddle::runtime {

uint32_t byteCharacter(uint8_t byte);
/// The byte that a character stands for, or -1.
int byteOfCharacter(uint32_t code);
/// Appends the characters of all bytes of `text`.
void appendByteAlphabet(std::string_view text, std::string &out);
/// Appends the bytes that a token spells; its own UTF-8 where a character of it stands for none.
void appendSpelledBytes(std::string_view token, std::string &out);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_BYTEALPHABET_H
