// SPDX-License-Identifier: Apache-2.0
// Changes to protobuf messages by their schema: what bytes alone would take ages to hit upon.

#ifndef HEDDLE_TESTS_FUZZ_PROTOMUTATOR_H
#define HEDDLE_TESTS_FUZZ_PROTOMUTATOR_H

#include <random>
#include <string>

#include "google/protobuf/message.h"

namespace heddle::fuzz {

using Random = std::minstd_rand;

/// A few fields somewhere in `message` set, cleared, repeated, removed, or copied from elsewhere in
/// it.
void mutateMessage(google::protobuf::Message &message, Random &random);

/// mutateMessage on a text of `prototype`'s kind; false where it is none.
bool mutateTextproto(std::string &text, const google::protobuf::Message &prototype, Random &random);

/// libFuzzer's own mutation of bytes.
void mutateBytes(std::string &bytes, size_t mostBytes);

/// For LLVMFuzzerCustomMutator: puts `bytes` into the fuzzer's buffer.
size_t store(const std::string &bytes, uint8_t *data, size_t mostBytes);

} // namespace heddle::fuzz

#endif // HEDDLE_TESTS_FUZZ_PROTOMUTATOR_H
