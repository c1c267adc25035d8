# SPDX-License-Identifier: Apache-2.0
"""What tests of the tools as processes share: a compiled model, folders, calls that must fail well."""
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/crash"))
from checks import TRACES, check_whole  # noqa: E402

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
MODEL = 'name: "small" vocab_size: 256 max_positions: 16 width: 64 layers: 2 attention { heads: 2 }\n'
MEGABYTE = 1 << 20
# AddressSanitizer takes terabytes of addresses before it has begun: no limit on them means anything.
SANITIZED = "HEDDLE_SANITIZE:STRING=address" in (BIN.parent / "CMakeCache.txt").read_text()


def limited(**limits):
    """For subprocess: sets the limits named, as fsize=100000."""
    def apply():
        for name, value in limits.items():
            if name == "as" and SANITIZED:
                continue
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
    return apply


class ToolCase(unittest.TestCase):
    """One executable for all; a folder of its own for each test."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.base = pathlib.Path(cls.shared.name)
        cls.model = cls.base / "small.textproto"
        cls.data = cls.base / "text.txt"
        cls.executable = cls.base / "small.heddle"
        cls.inputs = cls.base / "in.safetensors"
        cls.model.write_text(MODEL)
        cls.data.write_text((ROOT / "README.md").read_text())
        header = json.dumps({"input_ids": {"dtype": "I64", "shape": [2, 16],
                                           "data_offsets": [0, 256]}}).encode()
        cls.inputs.write_bytes(len(header).to_bytes(8, "little") + header + bytes(256))
        cls.environment = dict(os.environ, HEDDLE_CACHE_DIR=str(cls.base / "cache"))
        compilation = map(str, cls.compilation(cls.executable))
        subprocess.run([str(BIN / "heddle"), *compilation], env=cls.environment,
                       check=True, capture_output=True)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.at = pathlib.Path(folder.name)

    @classmethod
    def compilation(cls, output, *flags):
        return ("compile", cls.model, "--train", "--batch", 2, "--seq", 16, "-o", output, *flags)

    def training(self, out, *flags, steps=8):
        return ("train", self.executable, "--data", self.data, "--out", out, "--steps", steps,
                "--checkpoint-interval", 2, "--resume", *flags)

    def call(self, *arguments, tool=None, env=None, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        tool = tool or ("heddle-run" if arguments[0] != "compile" else "heddle")
        return subprocess.run([str(BIN / tool), *map(str, arguments)], text=True, timeout=300,
                              env=dict(self.environment, **(env or {})), **options)

    def fails(self, code, mentions, *arguments, **options):
        """Ends with this code and an error that mentions all these."""
        result = self.call(*arguments, **options)
        self.assertEqual(result.returncode, code, f"{result.stdout}\n{result.stderr}")
        for text in mentions:
            self.assertIn(str(text), result.stderr)
        self.assertIn("error: ", result.stderr)
        self.assertIsNone(TRACES.search(result.stderr), result.stderr)
        return result

    def succeeds(self, *arguments, **options):
        result = self.call(*arguments, **options)
        self.assertEqual(result.returncode, 0, f"{result.stdout}\n{result.stderr}")
        return result

    def mount(self, options, name="mounted"):
        """A small file system, or a skip where we may not."""
        place = self.at / name
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "heddle-test", place],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"mount is not permitted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        return place

    def remount(self, place, options):
        subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)

    def steps(self, out):
        """The steps saved in a folder, all of them whole."""
        folders = sorted(out.glob("step-*"))
        for folder in folders:
            check_whole(folder)
        return [int(folder.name[5:]) for folder in folders]
