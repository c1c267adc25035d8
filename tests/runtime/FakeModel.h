// SPDX-License-Identifier: Apache-2.0
// An executable made by hand: a bigram model over bytes, with every kind of entry.

#ifndef HEDDLE_TESTS_RUNTIME_FAKEMODEL_H
#define HEDDLE_TESTS_RUNTIME_FAKEMODEL_H

#include <memory>
#include <string>

#include "runtime/plan/Session.h"

namespace heddle::test {

inline constexpr int64_t kFakeBatch = 2, kFakeSeq = 8, kFakeVocab = 256;

/// Entries forward, loss, step, accumulate, step_accumulated, eval, prefill, decode. Sealed. Those
/// of generation run with a cache of T slots only.
runtime::proto::Executable fakeExecutable(int64_t slots = kFakeSeq);

std::shared_ptr<const runtime::Executable> loadFake(runtime::proto::Executable executable);

/// Seeded by 1.
std::unique_ptr<runtime::Session> fakeSession(int threads = 1, int64_t slots = kFakeSeq);

/// The bytes of a parameter or state.
std::string storedBytes(runtime::Session &session, const std::string &name);

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_FAKEMODEL_H
