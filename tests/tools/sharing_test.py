#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two processes at a time: on one --out the second is refused, on one kernel cache both are right,
whatever state the cache is in. HEDDLE_BIN_DIR is where the binaries are."""
import os
import signal
import subprocess
import unittest

from tool_case import BIN, ToolCase


class OneFolder(ToolCase):
    def start_training(self, out):
        """A run that goes on until it is told to stop, once it has saved something."""
        process = subprocess.Popen(
            [str(BIN / "heddle-run"), *map(str, self.training(out, steps=1 << 40))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not list(out.glob("step-*")):
            self.assertIsNone(process.poll())
        return process

    def test_the_second_is_refused(self):
        out = self.at / "out"
        process = self.start_training(out)
        for tool, model in (("heddle-run", self.executable), ("heddle", self.model)):
            arguments = [*self.training(out, steps=1 << 40), "--batch", 2, "--seq", 16]
            arguments[1] = model
            self.fails(2, [out, "another process is at work"], *arguments, tool=tool)
        without_resume = [flag for flag in self.training(out) if flag != "--resume"]
        self.fails(2, [out, "not empty"], *without_resume)
        log = self.at / "log.jsonl"
        log.write_text('{"step":0}\n')
        self.fails(2, ["another process"], *self.training(out), "--log", log)
        self.assertEqual(log.read_text(), '{"step":0}\n', "its log is another's too")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 130)
        newest = self.steps(out)[-1]
        self.succeeds(*self.training(out, steps=newest + 1))

    def test_a_killed_one_holds_nothing(self):
        out = self.at / "out"
        process = self.start_training(out)
        process.kill()
        process.wait()
        self.succeeds(*self.training(out, steps=self.steps(out)[-1] + 1))

    def test_both_at_the_same_moment(self):
        """One of several that start afresh together wins; what it saves is whole."""
        for attempt in range(5):
            out = self.at / f"out-{attempt}"
            flags = [flag for flag in self.training(out) if flag != "--resume"]
            racers = [subprocess.Popen([str(BIN / "heddle-run"), *map(str, flags)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                      for _ in range(3)]
            errors = [racer.communicate(timeout=120)[1] for racer in racers]
            codes = sorted(racer.returncode for racer in racers)
            self.assertEqual(codes, [0, 2, 2], errors)
            self.assertEqual(self.steps(out), [6, 8])


class OneCache(ToolCase):
    def compile_together(self, cache, count=2, **environment):
        """Executables of compiles that share a cache; all must be what a single one makes."""
        outputs = [self.at / f"{i}.heddle" for i in range(count)]
        environment = dict(self.environment, HEDDLE_CACHE_DIR=str(cache), **environment)
        processes = [subprocess.Popen([str(BIN / "heddle"), *map(str, self.compilation(output))],
                                      env=environment, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True) for output in outputs]
        errors = [process.communicate(timeout=300)[1] for process in processes]
        for process, output, error in zip(processes, outputs, errors):
            self.assertEqual(process.returncode, 0, error)
            self.assertEqual(output.read_bytes(), self.executable.read_bytes())
        return "".join(errors)

    def filled(self):
        cache = self.at / "cache"
        self.compile_together(cache, 1)
        entries = sorted(cache.glob("*.kernel"))
        self.assertGreater(len(entries), 10)
        return cache, entries

    def test_empty_then_full(self):
        self.compile_together(self.at / "cache")
        self.compile_together(self.at / "cache")
        self.assertFalse(list((self.at / "cache").glob("*.tmp")) + list((self.at / "cache").glob(".*")))

    def test_damaged_entries(self):
        cache, entries = self.filled()
        for number, entry in enumerate(entries):
            content = bytearray(entry.read_bytes())
            if number % 5 == 0:
                content = content[:len(content) // 2]
            elif number % 5 == 1:
                content[len(content) // 2] ^= 1
            elif number % 5 == 2:
                content = b""
            elif number % 5 == 3:
                content = entries[number - 1].read_bytes()
            else:
                content = os.urandom(len(content))
            entry.write_bytes(content)
        self.compile_together(cache)
        self.compile_together(cache, 1)

    def test_a_folder_in_the_place_of_an_entry(self):
        cache, entries = self.filled()
        entries[0].unlink()
        entries[0].mkdir()
        self.assertIn("remark: kernel cache not used", self.compile_together(cache))

    def test_folder_that_is_none(self):
        file = self.at / "file"
        file.write_text("")
        self.assertIn("remark: kernel cache not used", self.compile_together(file, 1))

    def test_small_limit(self):
        for limit in ("0", "50KB"):
            with self.subTest(limit):
                cache = self.at / f"cache-{limit}"
                self.compile_together(cache, HEDDLE_CACHE_LIMIT=limit)
                size = sum(entry.stat().st_size for entry in cache.glob("*.kernel"))
                self.assertLessEqual(size, 50_000)

    def test_limit_that_is_none(self):
        self.fails(2, ["HEDDLE_CACHE_LIMIT lots"], *self.compilation(self.at / "m.heddle"),
                   env={"HEDDLE_CACHE_LIMIT": "lots"})

    def test_leftovers_of_killed_writers_go(self):
        cache, entries = self.filled()
        old, young = cache / ".a.kernel.1.tmp", cache / ".b.kernel.2.tmp"
        for leftover, age in ((old, 7200), (young, 0)):
            leftover.write_bytes(b"half")
            time = leftover.stat().st_mtime - age
            os.utime(leftover, (time, time))
        entries[0].unlink()
        self.compile_together(cache, 1)
        self.assertFalse(old.exists())
        self.assertTrue(young.exists(), "its writer may be alive")


if __name__ == "__main__":
    unittest.main(verbosity=2)
