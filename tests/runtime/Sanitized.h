// SPDX-License-Identifier: Apache-2.0
// Whether a sanitizer watches this build: it needs address space without limit, and handles the
// signals of faults itself.

#ifndef HEDDLE_TESTS_RUNTIME_SANITIZED_H
#define HEDDLE_TESTS_RUNTIME_SANITIZED_H

namespace heddle::test {

#if defined(HEDDLE_SANITIZED) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_SANITIZED_H
