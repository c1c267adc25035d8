// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_TESTS_FRONTEND_CONFIGTEXT_H
#define HEDDLE_TESTS_FRONTEND_CONFIGTEXT_H

#include "frontend/ConfigFamily.h"
#include "frontend/ConfigReader.h"

namespace heddle::test {

/// What a config.json with this text defines, by the families that are there.
inline StatusOr<frontend::proto::ModelDef> readConfigText(const std::string &json) {
  HEDDLE_ASSIGN_OR_RETURN(auto families, frontend::Families::load(runtime::FileLayer::system()));
  HEDDLE_ASSIGN_OR_RETURN(runtime::JsonDocument document, runtime::parseJson(json, "config.json"));
  HEDDLE_ASSIGN_OR_RETURN(auto family, frontend::familyOf(document.ref(), families));
  return frontend::readConfig(document.ref(), family);
}

} // namespace heddle::test

#endif // HEDDLE_TESTS_FRONTEND_CONFIGTEXT_H
