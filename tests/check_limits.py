#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds LIMITS.md against the headers: every limit has a row with its number, every row a limit, and the tests
that a row names exist. Prints one line a finding; exit 1 if there is any.

    tests/check_limits.py [FOLDER]      the repository; the one this file lies in if not given
"""
import pathlib
import re
import sys

HEADERS = ("runtime/base/Limits.h", "runtime/tokenizer/Normalizer.h", "runtime/cli/EncodeTexts.h",
           "runtime/cli/GenerateOptions.h", "frontend/Validate.h", "frontend/ValidateNames.h",
           "frontend/ValidateImages.h", "frontend/Families.h")
CONSTANT = re.compile(r"inline constexpr \w+ (k\w+) =\s*([^;]+);")
ROW = re.compile(r"^\| `(k\w+)` \| (\d+) \|.*\| ([^|]*) \|$", re.M)
# Those that only build other numbers.
UNITS = {"kMegabyte"}


def constants(root):
    """Name to number. The right-hand sides are C++ that, with few changes, is Python."""
    found = {}
    for header in HEADERS:
        for name, value in CONSTANT.findall((root / header).read_text()):
            value = re.sub(r"u?int64_t\{(\d+)\}", r"\1", value).replace("limits::", "").replace("'", "")
            found[name] = int(eval(value.replace("/", "//"), {"__builtins__": {}}, found))
    return found


def tests(root):
    """"Suite.Name" of every GoogleTest and every method of a Python test."""
    found = set()
    for path in (root / "tests").rglob("*.cpp"):
        found.update(map(".".join, re.findall(r"\bTEST(?:_F)?\((\w+), (\w+)\)", path.read_text())))
    for path in (root / "tests").rglob("*_test.py"):
        for suite, body in re.findall(r"^class (\w+)\(.*\n((?:\s.*\n|\n)*)", path.read_text(), re.M):
            found.update(f"{suite}.{name}" for name in re.findall(r"def (test_\w+)", body))
    return found


def findings(root):
    known, existing = constants(root), tests(root)
    rows = {name: (int(value), cell) for name, value, cell in ROW.findall((root / "LIMITS.md").read_text())}
    for name, value in known.items():
        if name in UNITS:
            continue
        if name not in rows:
            yield f"LIMITS.md: no row for {name} = {value}"
        elif rows[name][0] != value:
            yield f"LIMITS.md: {name} is {value}, the page says {rows[name][0]}"
    for name, (_, cell) in rows.items():
        if name not in known:
            yield f"LIMITS.md: {name} is in none of {', '.join(HEADERS)}"
        named = re.findall(r"`([\w.]+)`", cell)
        if not named:
            yield f"LIMITS.md: {name} names no test"
        for test in named:
            if test not in existing:
                yield f"LIMITS.md: {name}: there is no test {test}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    found = list(findings(root))
    print("\n".join(found) if found else "LIMITS.md agrees with the headers and the tests")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
