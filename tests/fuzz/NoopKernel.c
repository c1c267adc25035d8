/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel (runtime/KernelAbi.h) that does nothing: fuzzed plans launch it and no other code. */
#include <stdint.h>

void noop(void *const *operands, int64_t begin, int64_t end, void *scratch) {
  (void)operands;
  (void)begin;
  (void)end;
  (void)scratch;
}
