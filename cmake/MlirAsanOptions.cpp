// SPDX-License-Identifier: Apache-2.0
// Part of every program that is linked with the packaged libMLIR and built with AddressSanitizer.
// LLVM's bump allocator, in headers that our code instantiates, poisons what it has not handed out;
// the same arenas are filled by libMLIR, which was built without the sanitizer and unpoisons
// nothing. Programs without MLIR keep the check.

extern "C" const char *__asan_default_options(); // read by the sanitizer's runtime

extern "C" const char *__asan_default_options() { return "allow_user_poisoning=0"; }
