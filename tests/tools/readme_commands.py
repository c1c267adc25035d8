#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands that a page tells people to run: all ```sh blocks, in order, in one shell.

The folder is temporary and looks like a built checkout: links to examples/ and README.md, and the
programs in build/release/bin, which are those of $HEDDLE_BIN_DIR. Exit 1 names the block that failed.

    HEDDLE_BIN_DIR=build/dev/bin tests/tools/readme_commands.py [PAGE]
"""

import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 600


def blocks_of(path):
    """(first line number, commands) of each block."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return [(text.count("\n", 0, m.start()) + 2, m.group(1)) for m in BLOCK.finditer(text)]


def script_for(page, blocks):
    """One shell, so that what a block sets holds in the next; the marks say how far it came."""
    lines = ["set -euo pipefail"]
    for number, commands in blocks:
        lines += [f"echo '== {os.path.basename(page)}:{number}' >&2", commands]
    return "\n".join(lines)


def lay_out(folder, binaries):
    os.symlink(os.path.join(ROOT, "examples"), os.path.join(folder, "examples"))
    os.symlink(os.path.join(ROOT, "README.md"), os.path.join(folder, "README.md"))
    os.makedirs(os.path.join(folder, "build", "release"))
    os.symlink(os.path.abspath(binaries), os.path.join(folder, "build", "release", "bin"))


def main():
    page = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "README.md")
    binaries = os.environ.get("HEDDLE_BIN_DIR", os.path.join(ROOT, "build", "release", "bin"))
    blocks = blocks_of(page)
    if not blocks:
        print(f"{page}: has no ```sh block", file=sys.stderr)
        return 1
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="heddle-readme-") as folder:
        lay_out(folder, binaries)
        environment = dict(os.environ)
        environment["PATH"] = os.path.abspath(binaries) + os.pathsep + environment["PATH"]
        environment.setdefault("HEDDLE_CACHE_DIR", os.path.join(folder, "cache"))
        try:
            code = subprocess.run(["bash", "-c", script_for(page, blocks)], cwd=folder, env=environment,
                                  stdout=subprocess.DEVNULL, timeout=TIMEOUT_S).returncode
        except subprocess.TimeoutExpired:
            print(f"the commands took more than {TIMEOUT_S} s", file=sys.stderr)
            return 1
    if code != 0:
        print(f"the last block above failed with exit code {code}", file=sys.stderr)
        return 1
    print(f"{len(blocks)} blocks ran in {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
