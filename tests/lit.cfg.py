# SPDX-License-Identifier: Apache-2.0
# The text tests of every room: tests/<room>/*.mlir, run through heddle-opt and FileCheck.

import os

import lit.formats

config.name = "heddle"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "fixtures"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.heddle_binary_dir, "tests")

# Our own tools by full path where they are built; FileCheck, not, split-file and count from LLVM.
for tool in ["heddle-opt", "heddle-run", "heddle", "heddle-reduce", "heddle-test-opt",
             "random_graphs"]:
    path = os.path.join(config.heddle_binary_dir, "bin", tool)
    if os.path.exists(path):
        config.available_features.add(tool)
        # A tool's name stands alone: not in another's name, a path or an option's value.
        config.substitutions.append((rf"(?<!\S){tool}(?!\S)", path))

if config.heddle_sanitize:
    config.available_features.add("sanitized")
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%heddle_bin", os.path.join(config.heddle_binary_dir, "bin")))
config.substitutions.append(("%source_dir", config.heddle_source_dir))
config.environment["PATH"] = os.pathsep.join(
    [config.llvm_tools_dir, os.environ.get("PATH", "")]
)
config.environment["HEDDLE_SOURCE_DIR"] = config.heddle_source_dir
# Diagnostics must not depend on the terminal or on a user's settings.
config.environment["FILECHECK_OPTS"] = "--dump-input=fail --enable-var-scope"
