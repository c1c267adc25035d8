// SPDX-License-Identifier: Apache-2.0
// Precompiled for the tests without MLIR. Nothing relies on it: each file includes what it uses.

#include "cmake/pch/BaseHeaders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
