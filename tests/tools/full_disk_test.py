#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every writer against disks and limits that say no: a full file system, a read-only one, file sizes,
descriptors and memory that are limited, standard output that is full or gone. An error names file and
step and exits with 1 (2 where the path was wrong from the start); no file is half under its own name.
Mounts need root and are skipped without. HEDDLE_BIN_DIR is where the binaries are."""
import os
import unittest

from tool_case import MEGABYTE, SANITIZED, TRACES, ToolCase, limited


class FullFileSystem(ToolCase):
    """A checkpoint is about 1.3 MB: a weight of 4 bytes and two moments, 109,056 times."""

    def test_checkpoints(self):
        disk = self.mount("size=3m")  # room for two, not for the third beside them
        out = disk / "out"
        self.fails(1, ["checkpoint of step 6", out, "No space left on device"], *self.training(out))
        self.assertEqual(self.steps(out), [2, 4])
        self.assertFalse(list(out.glob(".tmp-*")), "the room of the failed one is given back")
        self.fails(1, ["checkpoint of step 6", "No space left"], *self.training(out))
        self.assertEqual(self.steps(out), [2, 4])
        self.remount(disk, "size=10m")
        self.succeeds(*self.training(out))
        self.assertEqual(self.steps(out), [6, 8])

    def test_not_even_one_checkpoint(self):
        out = self.mount("size=1m") / "out"
        self.fails(1, ["checkpoint of step 2", out, "No space left"], *self.training(out))
        self.assertEqual(self.steps(out), [])

    def test_log(self):
        disk = self.mount("size=64k")
        log = disk / "log.jsonl"
        (disk / "rest").write_bytes(bytes(60 << 10))
        self.fails(1, ["step ", log, "No space left"], *self.training(self.at / "out", steps=2000),
                   "--log", log)

    def test_executable(self):
        for size in ("8k", "64k"):
            with self.subTest(size):
                disk = self.mount(f"size={size}", size)
                output = disk / "m.heddle"
                self.fails(1, [output, "No space left"], *self.compilation(output))
                self.assertEqual(list(disk.iterdir()), [])

    def test_temporary_folder_is_not_needed(self):
        disk = self.mount("size=4k")
        (disk / "rest").write_bytes(bytes(4096))
        result = self.call(*self.compilation(self.at / "m.heddle"), env={"TMPDIR": str(disk)})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([path.name for path in disk.iterdir()], ["rest"])

    def test_outputs(self):
        disk = self.mount("size=8k")
        old = disk / "out.safetensors"
        old.write_text("old")
        self.fails(1, [old, "No space left"], "run", self.executable, "--inputs", self.inputs,
                   "--outputs", old)
        self.assertEqual([path.read_text() for path in disk.iterdir()], ["old"])

    def test_trace(self):
        disk = self.mount("size=4k")
        (disk / "rest").write_bytes(bytes(4096))
        self.fails(1, [disk / "trace.json", "No space left"], "bench", self.executable, "--iters",
                   1, "--trace", disk / "trace.json")
        self.assertFalse((disk / "trace.json").exists())

    def test_dump(self):
        disk = self.mount("size=100k")
        self.fails(1, [disk, "No space left"],
                   *self.compilation(self.at / "m.heddle", "--dump-dir", disk / "dump"))
        self.assertFalse(list(disk.rglob("*.tmp")))
        for path in disk.rglob("*.mlir"):
            self.assertTrue(path.read_text().endswith("\n"), f"{path} is cut short")
        self.assertFalse((self.at / "m.heddle").exists())

    def test_kernel_cache_is_only_a_remark(self):
        disk = self.mount("size=32k")
        result = self.succeeds(*self.compilation(self.at / "m.heddle"),
                               env={"HEDDLE_CACHE_DIR": str(disk)})
        self.assertIn("remark: kernel cache not used: ", result.stderr)
        self.assertIn("No space left", result.stderr)
        self.assertEqual((self.at / "m.heddle").read_bytes(), self.executable.read_bytes())


class ReadOnlyFileSystem(ToolCase):
    def test_from_the_start(self):
        disk = self.mount("size=1m")
        self.remount(disk, "ro")
        said = ["Read-only file system"]
        self.fails(2, said + [disk / "out"], *self.training(disk / "out"))
        self.fails(2, said + [disk / "l"], *self.training(self.at / "out"), "--log", disk / "l")
        self.fails(2, said + [disk / "m.heddle"], *self.compilation(disk / "m.heddle"))
        self.fails(2, said + [disk / "o"], "run", self.executable, "--inputs", self.inputs,
                   "--outputs", disk / "o")
        result = self.succeeds(*self.compilation(self.at / "m.heddle"),
                               env={"HEDDLE_CACHE_DIR": str(disk / "cache")})
        self.assertIn("remark: kernel cache not used: ", result.stderr)


class Limits(ToolCase):
    def test_file_size(self):
        """SIGXFSZ would end the process; the error must."""
        out = self.at / "out"
        self.succeeds(*self.training(out, steps=2))
        limit = {"preexec_fn": limited(fsize=300_000)}
        self.fails(1, ["checkpoint of step 4", out, "File too large"], *self.training(out), **limit)
        self.assertEqual(self.steps(out), [2])
        for size in (1000, 50_000):
            self.fails(1, ["File too large"], *self.compilation(self.at / "m.heddle"),
                       preexec_fn=limited(fsize=size))
            self.assertFalse((self.at / "m.heddle").exists())
        small = {"preexec_fn": limited(fsize=2000)}
        result = self.call("run", self.executable, "--inputs", self.inputs, "--outputs",
                           self.at / "o", **small)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertFalse((self.at / "o").exists())

    def test_descriptors(self):
        for count in range(3, 12):
            with self.subTest(count):
                out = self.at / f"out-{count}"
                result = self.call(*self.training(out), "--log", self.at / f"{count}.jsonl",
                                   preexec_fn=limited(nofile=count))
                self.assertIsNone(TRACES.search(result.stderr), result.stderr)
                self.assertIn(result.returncode, (0, 1, 127), result.stderr)
                if result.returncode == 1:
                    self.assertIn("error: ", result.stderr)
                self.steps(out)

    def test_memory(self):
        """At any limit: done, or an error; the loader itself may fail before we run (127)."""
        if SANITIZED:
            self.skipTest("AddressSanitizer needs addresses without limit")
        codes = set()
        for megabytes in (8, 9, 10, 11, 12, 16, 17, 18, 20, 24, 32, 48, 64, 128):
            with self.subTest(megabytes=megabytes):
                result = self.call(*self.training(self.at / str(megabytes)),
                                   preexec_fn=limited(**{"as": megabytes * MEGABYTE}))
                self.assertIsNone(TRACES.search(result.stderr), result.stderr)
                self.assertIn(result.returncode, (0, 1, 127), result.stderr)
                if result.returncode == 1:
                    self.assertIn("error: ", result.stderr)
                codes.add(result.returncode)
        self.assertLessEqual({0, 1}, codes)

    def test_threads(self):
        """Fewer threads than processors are a remark, where no number was asked for."""
        if os.geteuid() == 0:
            self.skipTest("the limit on processes does not hold for root")
        result = self.call(*self.training(self.at / "out"), preexec_fn=limited(nproc=1))
        self.assertEqual(result.returncode, 0, result.stderr)
        if len(os.sched_getaffinity(0)) > 1:
            self.assertIn("remark: only 1 of ", result.stderr)


class StandardOutput(ToolCase):
    def commands(self):
        return (("--version",), ("train", "--help"), ("compile", "--help"),
                ("bench", self.executable, "--iters", 1),
                ("generate", self.executable, "--prompt", "a", "--max-new-tokens", 4),
                ("generate", self.executable, "--prompt", "a", "--max-new-tokens", 4, "--stream"),
                ("run", self.executable, "--inputs", self.inputs, "--outputs", self.at / "o"),
                ("train", self.executable, "--data", self.data, "--steps", 1),
                self.compilation(self.at / "m.heddle"),
                ("compile", self.model, "--emit", "planned"),
                ("compile", self.model, "--list-stages"))

    def test_full(self):
        for command in self.commands():
            with self.subTest(command[0]), open("/dev/full", "w") as full:
                self.fails(1, ["standard output"], *command, stdout=full)

    def test_closed(self):
        for command in self.commands():
            with self.subTest(command[0]):
                self.fails(1, ["standard output"], *command, preexec_fn=lambda: os.close(1))

    def test_reader_gone(self):
        for command in self.commands():
            with self.subTest(command[0]):
                reading, writing = os.pipe()
                os.close(reading)
                self.fails(1, ["standard output"], *command, stdout=writing)
                os.close(writing)

    def test_training_outlives_who_reads_its_progress(self):
        reading, writing = os.pipe()
        os.close(reading)
        out = self.at / "out"
        result = self.call(*self.training(out), stderr=writing)
        os.close(writing)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(self.steps(out), [6, 8])

    def test_nothing_is_written_into_files_that_took_a_closed_stream(self):
        out = self.at / "out"
        closed = lambda: [os.close(stream) for stream in (0, 1, 2)]  # noqa: E731
        self.call(*self.training(out), preexec_fn=closed)
        self.assertEqual(self.steps(out), [6, 8])


if __name__ == "__main__":
    unittest.main(verbosity=2)
