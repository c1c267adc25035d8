// SPDX-License-Identifier: Apache-2.0
// Precompiled for every library without MLIR: parsing these is half of what compiling one of our
// small files costs. Headers of others only, so that no room sees one above it by way of this file.
// Nothing relies on it: each file includes what it uses, and the preset `fuzz` builds without.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/generated_message_util.h"
#include "google/protobuf/map.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"
