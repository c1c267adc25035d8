#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what no compiler does: which way includes point, how long files are, the licence line and
the format. Prints one line a finding; exit 1 if any is an error.

    tests/check_tree.py [FOLDER]      the repository; the one this file lies in if not given
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

CLANG_FORMAT = "clang-format-22"
WARN_LINES, MAX_LINES = 400, 700

CODE = (".cpp", ".h")
SPDX_NEEDED = CODE + (".td", ".proto", ".py", ".sh")
SIZED = SPDX_NEEDED + (".mlir", ".cu", ".cuh", ".cmake")

# Longest prefix of the including file -> prefixes of ours that it may include. Rooms not named here
# (tests, examples, benchmarks) see everything.
COMPILER_MAY_USE = ["ir/", "runtime/base/", "runtime/io/"]
ALLOWED = {
    "ir/": ["ir/"],
    "frontend/": ["frontend/"] + COMPILER_MAY_USE,
    "passes/": ["passes/"] + COMPILER_MAY_USE,
    "codegen/": ["codegen/", "runtime/Executable.pb.h", "runtime/KernelAbi.h"] + COMPILER_MAY_USE,
    "runtime/": ["runtime/"],
    "runtime/base/": ["runtime/base/"],
    "runtime/io/": ["runtime/base/", "runtime/io/"],
    "tools/heddle-run/": ["tools/heddle-run/", "runtime/"],
}
ROOMS = ("ir/", "frontend/", "passes/", "codegen/", "runtime/", "tools/", "tests/", "examples/",
         "benchmarks/")
# What ships without a compiler includes nothing of one.
NO_COMPILER = ("runtime/", "tools/heddle-run/")
COMPILER_HEADERS = ("mlir/", "mlir-c/", "llvm/", "llvm-c/", "clang/", "lld/")

INCLUDE = re.compile(r'^\s*(?:#\s*)?include\s+["<]([^">]+)[">]')


def files_of(root):
    """Tracked files; in an unpacked archive, all but the build's."""
    git = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True)
    if git.returncode == 0 and git.stdout:
        names = git.stdout.decode().split("\0")
        return sorted(n for n in names if n and os.path.isfile(os.path.join(root, n)))
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [s for s in subfolders if s not in ("build", ".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def check_includes(name, lines):
    rule = max((p for p in ALLOWED if name.startswith(p)), key=len, default=None)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        if rule and target.startswith(ROOMS) and not target.startswith(tuple(ALLOWED[rule])):
            yield f"{name}:{number}: {rule} may not include {target}"
        if name.startswith(NO_COMPILER) and target.startswith(COMPILER_HEADERS):
            yield f"{name}:{number}: the runtime has no compiler, but includes {target}"
        if target.startswith("."):
            yield f"{name}:{number}: include from the root of the repository, not {target}"


def check_spdx(name, lines):
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        yield f"{name}:1: no SPDX-License-Identifier in the first three lines"


def check_format(root, names):
    def one(batch):
        return subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", *batch], cwd=root,
                              capture_output=True, text=True)

    batches = [names[i:i + 20] for i in range(0, len(names), 20)]
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(one, batches))
    except FileNotFoundError:
        return [f"{CLANG_FORMAT} is not installed (tools/install_deps.sh installs it)"]
    bad = set()
    for result in results:
        if result.returncode != 0:
            places = re.findall(r"^(.+?):(\d+):\d+: error: ", result.stderr, re.M)
            bad |= {place[0] for place in places} or {result.stderr.strip()}
    return [f"{name}: not formatted: {CLANG_FORMAT} -i {name}" for name in sorted(bad)]


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1
                           else os.path.join(os.path.dirname(__file__), ".."))
    errors, warnings, code = [], [], []
    for name in files_of(root):
        extension = os.path.splitext(name)[1]
        if extension not in SIZED:
            continue
        with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        if len(lines) > MAX_LINES:
            errors.append(f"{name}: {len(lines)} lines, more than {MAX_LINES}: split it")
        elif len(lines) > WARN_LINES:
            warnings.append(f"{name}: {len(lines)} lines, more than {WARN_LINES}")
        if extension in SPDX_NEEDED:
            errors += check_spdx(name, lines)
        if extension in CODE + (".td",):
            errors += check_includes(name, lines)
        if extension in CODE:
            code.append(name)
    errors += check_format(root, code)
    for warning in warnings:
        print(f"warning: {warning}")
    for error in errors:
        print(f"error: {error}")
    print(f"check_tree: {len(code)} C++ files, {len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
