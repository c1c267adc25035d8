#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One model compiled again and again gives the same bytes: whatever the threads, the state of the
kernel cache, the folder, and where the system puts the process in memory. HEDDLE_BIN_DIR is where the
binaries are."""
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
RUNS = 20

# One layer with all that training has: dropout, attention forward and backward, the fused loss.
MODEL = """name: "one-layer" vocab_size: 67 max_positions: 24 width: 32 layers: 1
attention { heads: 2 } dropout { embedding: 0.1 attention: 0.2 residual: 0.1 }
"""


class Determinism(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.at = pathlib.Path(self.folder.name)
        self.model = self.at / "model.textproto"
        self.model.write_text(MODEL)

    def tearDown(self):
        self.folder.cleanup()

    def heddle(self, *arguments, cwd=None, cache=""):
        result = subprocess.run([str(BIN / "heddle"), *map(str, arguments)], cwd=cwd or self.at,
                                env=os.environ | {"HEDDLE_CACHE_DIR": str(cache)}, text=True,
                                capture_output=True, timeout=300)
        self.assertEqual(result.returncode, 0, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def cache(self, run):
        """Where kernels come from: kept by an earlier run, or compiled anew, with and without a place
        to keep them."""
        if run % 4 == 0:
            return self.at / "kept"
        return "" if run % 2 else self.at / f"empty-{run}"

    def same(self, what, values):
        first = values[0]
        for run, value in enumerate(values):
            self.assertEqual(first, value, f"{what} of run {run} differs from the first")

    def test_executables(self):
        digests, reports, remarks = [], [], []
        for run in range(RUNS):
            cwd = self.at / f"run-{run}"
            cwd.mkdir()
            result = self.heddle("compile", self.model, "--train", "--batch", 2, "--seq", 16, "--json",
                                 "-o", f"name-{run}.heddle", "--threads", 1 + run % 2, cwd=cwd,
                                 cache=self.cache(run))
            digests.append(hashlib.sha256((cwd / f"name-{run}.heddle").read_bytes()).hexdigest())
            report = json.loads(result.stdout)
            for differs in ("file", "compile_ms", "kernels_compiled", "kernels_cached"):
                del report[differs]
            reports.append(report)
            remarks.append(result.stderr)
        self.same("the executable", digests)
        self.same("the report", reports)
        self.same("what is said", remarks)

    def test_dumps(self):
        def dump(threads):
            folder = self.at / f"dump-{threads}"
            self.heddle("compile", self.model, "--batch", 2, "--seq", 16, "-o", "f.heddle", "--threads",
                        threads, "--dump-dir", folder)
            return {str(path.relative_to(folder)): path.read_bytes()
                    for path in sorted(folder.rglob("*")) if path.is_file()}

        one, two = dump(1), dump(2)
        self.assertEqual(list(one), list(two))
        for name in one:
            self.assertEqual(one[name], two[name], name)

    def test_emitted_text(self):
        self.same("the planned module", [
            self.heddle("compile", self.model, "--train", "--seq", 16, "--emit", "planned").stdout
            for _ in range(5)])


if __name__ == "__main__":
    unittest.main()
