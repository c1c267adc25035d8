# SPDX-License-Identifier: Apache-2.0
"""The ordinary suite of a built tree, entry by entry, as ctest would run it."""
import dataclasses
import json
import os
import re
import signal
import subprocess
import time

# They judge the text of the sources, which is another one in a copy with planted defects; the last one
# builds.
LEFT_OUT = {"check_tree", "check_tree_test", "mutants_table", "quickstart"}
FAILED = re.compile(r"^(?:\[  FAILED  \] |FAIL: (?:heddle :: )?|ERROR: )([\w./-]+)", re.MULTILINE)


@dataclasses.dataclass
class Entry:
    name: str
    room: str
    command: list
    environment: dict
    folder: str
    seconds: float = 0.0


@dataclasses.dataclass
class Outcome:
    passed: bool
    seconds: float
    output: str

    def reason(self):
        """The first test that failed, as its framework calls it."""
        if self.passed:
            return ""
        found = FAILED.search(self.output)
        return found.group(1) if found else self.output.strip().splitlines()[-1][:60] \
            if self.output.strip() else "no output"


def room_of(test, graph):
    """The folder of tests/ whose CMakeLists.txt adds the test."""
    node = test.get("backtrace")
    while node is not None:
        at = graph["nodes"][node]
        found = re.search(r"tests/(\w+)/", graph["files"][at["file"]])
        if found:
            return found.group(1)
        node = at.get("parent")
    return ""


def read_suite(tree, build):
    listing = json.loads(subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                                        check=True, capture_output=True, text=True).stdout)
    entries = []
    for test in listing["tests"]:
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        environment = dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
        entry = Entry(test["name"], room_of(test, listing["backtraceGraph"]), test.get("command", []),
                      environment, properties.get("WORKING_DIRECTORY", str(build)))
        if entry.name == "lit":
            entries += [lit_of_room(entry, room) for room in rooms_of_text(tree)]
        elif entry.name not in LEFT_OUT:
            entries.append(entry)
    return entries


def rooms_of_text(tree):
    return sorted(folder.name for folder in (tree / "tests").iterdir()
                  if any(folder.glob("*.mlir")) or any(folder.glob("*.test")))


def lit_of_room(entry, room):
    """lit is one entry for all rooms; here it is one a room, which stops at its first failure."""
    *command, tests = entry.command
    return Entry(f"lit/{room}", room, [*command, "--max-failures=1", "-j1", f"{tests}/{room}"],
                 entry.environment, entry.folder)


def run_entry(entry, extra, limit):
    """Runs one entry; what it leaves running is ended with it."""
    environment = {**os.environ, **entry.environment, "GTEST_FAIL_FAST": "1", **extra}
    start = time.monotonic()
    process = subprocess.Popen(entry.command, cwd=entry.folder, env=environment, text=True,
                               errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        passed = process.returncode == 0
    except subprocess.TimeoutExpired:
        output, passed = f"more than {limit:.0f} s", False
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return Outcome(passed, time.monotonic() - start, output)
