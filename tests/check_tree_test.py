#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each kind of mistake in a tree of its own and looks whether check_tree.py finds it."""

import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check_tree.py")
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def check(files):
    """The exit code and what is printed for a tree with these files."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
        return done.returncode, done.stdout


class CheckTree(unittest.TestCase):
    def refuses(self, name, body, message):
        code, text = check({name: SPDX + body})
        self.assertEqual(code, 1, text)
        self.assertIn(message, text)

    def accepts(self, name, body):
        code, text = check({name: SPDX + body})
        self.assertEqual(code, 0, text)

    def test_include_directions(self):
        self.refuses("ir/A.cpp", '#include "passes/B.h"\n', "ir/A.cpp:2: ir/ may not include")
        self.refuses("ir/A.cpp", '#include "runtime/base/Status.h"\n', "may not include")
        self.refuses("passes/A.cpp", '#include "codegen/B.h"\n', "may not include")
        self.refuses("codegen/A.cpp", '#include "runtime/plan/B.h"\n', "may not include")
        self.refuses("runtime/plan/A.cpp", '#include "ir/B.h"\n', "may not include")
        self.refuses("runtime/plan/A.cpp", '#include <llvm/B.h>\n', "no compiler")
        self.refuses("runtime/io/A.cpp", '#include "runtime/plan/B.h"\n', "may not include")
        self.refuses("tools/heddle-run/A.cpp", '#include "ir/B.h"\n', "may not include")
        self.refuses("ir/A.td", 'include "passes/B.td"\n', "may not include")
        self.refuses("ir/A.cpp", '#include "../ir/B.h"\n', "from the root")
        self.accepts("codegen/A.cpp", '#include "runtime/KernelAbi.h"\n')
        self.accepts("passes/A.cpp", '#include "ir/B.h"\n#include "runtime/io/C.h"\n')
        self.accepts("tools/heddle/A.cpp", '#include "codegen/B.h"\n')

    def test_length(self):
        self.refuses("ir/A.cpp", "// x\n" * 700, "701 lines, more than 700")
        code, text = check({"ir/A.cpp": SPDX + "// x\n" * 400})
        self.assertEqual(code, 0, text)
        self.assertIn("warning: ir/A.cpp: 401 lines", text)

    def test_licence_and_format(self):
        code, text = check({"ir/A.h": "int a;\n"})
        self.assertEqual(code, 1)
        self.assertIn("ir/A.h:1: no SPDX", text)
        self.refuses("ir/A.h", "int   a;\n", "ir/A.h: not formatted")


if __name__ == "__main__":
    unittest.main()
