#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the tables of defects and plants all of them in a copy of the tree, each behind a switch.

    tests/mutants/plant.py            checks that every table still fits the sources (a ctest entry)
    tests/mutants/plant.py FOLDER     writes the copy; what did not change keeps its time stamp

A table is a *.defects file. Lines that begin with

    @   name the file that the following defects are in
    =   begin a defect: a name, a colon, what is wrong
    -   are the source as it is; it must occur exactly once, however it is broken into lines
    +   are what takes its place; $MUTANT is true while this defect is alive
"""
import dataclasses
import pathlib
import re
import subprocess
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEADER = "tests/mutants/Mutant.h"

# lit gives tests a clean environment; these two must reach them in the copy. What tests write lies in
# a folder of the run's own: several defects are hunted at a time.
LIT_LINES = """
for name in ("HEDDLE_MUTANT", "HEDDLE_CACHE_DIR"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
if "HEDDLE_MUTANT" in os.environ:
    config.test_exec_root = os.path.join(os.environ["TMPDIR"], "lit")
"""


@dataclasses.dataclass
class Defect:
    name: str
    what: str
    file: str
    place: str  # where it stands in its table
    was: list = dataclasses.field(default_factory=list)
    planted: list = dataclasses.field(default_factory=list)

    @property
    def number(self):
        """Made of the name, so that a change of the tables changes the copies of few files."""
        return zlib.crc32(self.name.encode()) & 0x7fffffff

    @property
    def room(self):
        return self.file.split("/")[0]


class TableError(Exception):
    pass


def read_table(path):
    defects, file = [], None
    for line_number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path.relative_to(ROOT)}:{line_number}"
        mark, text = line[:1], line[2:]
        if mark in ("", "#"):
            continue
        if mark == "@":
            file = text.strip()
        elif mark == "=" and file:
            name, _, what = text.partition(":")
            defects.append(Defect(name.strip(), what.strip(), file, place))
        elif mark in "-+" and defects:
            (defects[-1].was if mark == "-" else defects[-1].planted).append(text)
        else:
            raise TableError(f"{place}: expected a line with # @ = - or +")
    return defects


def read_tables():
    """All defects, in the order of the tables."""
    defects = [d for path in sorted(HERE.glob("*.defects")) for d in read_table(path)]
    numbers = {0}  # which is none
    for defect in defects:
        if defect.number in numbers:
            raise TableError(f"{defect.place}: {defect.name} is there twice, or another name needed")
        numbers.add(defect.number)
        if not defect.was or "$MUTANT" not in "".join(defect.planted):
            raise TableError(f"{defect.place}: {defect.name} needs lines with - and, with $MUTANT, +")
    return defects


def find(defect, source):
    """Where the defect's piece of source is: (begin, end)."""
    words = " ".join(defect.was).split()
    found = list(re.finditer(r"\s+".join(map(re.escape, words)), source))
    if len(found) != 1:
        raise TableError(f"{defect.place}: {defect.name}: its source occurs {len(found)} times in "
                         f"{defect.file}, expected once")
    return found[0].span()


def plant(defects, source):
    """The source of one file with its defects in it."""
    parts, at = [], 0
    for (begin, end), defect in sorted(((find(d, source), d) for d in defects),
                                       key=lambda pair: pair[0]):
        if begin < at:
            raise TableError(f"{defect.place}: {defect.name} overlaps another defect")
        planted = "\n".join(defect.planted).replace("$MUTANT", f"(chosenMutant == {defect.number})")
        parts += [source[at:begin], planted]
        at = end
    return f'#include "{HEADER}"\n' + "".join(parts) + source[at:]


def planted_files(defects):
    """Relative path to text of each file that a defect is in."""
    by_file = {}
    for defect in defects:
        by_file.setdefault(defect.file, []).append(defect)
    texts, problems = {}, []
    for file, ours in sorted(by_file.items()):
        try:
            texts[file] = plant(ours, (ROOT / file).read_text())
        except (TableError, OSError) as error:
            problems.append(str(error))
    if problems:
        raise TableError("\n".join(problems))
    return texts


def tree_files():
    """What a checkout holds: files that git does not ignore; in an unpacked archive, all but builds."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                            capture_output=True)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
        names = [name for name in names if not name.startswith(("build/", ".git/"))]
    return [name for name in names if name and (ROOT / name).is_file()]


def write_copy(defects, folder):
    """True if anything changed since the last copy into the folder."""
    texts = planted_files(defects)
    lit = "tests/lit.cfg.py"
    texts[lit] = (ROOT / lit).read_text() + LIT_LINES
    changed = False
    names = set(tree_files())
    for old in [p for p in folder.rglob("*") if p.is_file()]:
        name = str(old.relative_to(folder))
        if name not in names and not name.startswith("build/"):
            old.unlink()
            changed = True
    for name in names:
        content = texts[name].encode() if name in texts else (ROOT / name).read_bytes()
        target = folder / name
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod((ROOT / name).stat().st_mode)
        changed = True
    return changed


def main():
    try:
        defects = read_tables()
        if len(sys.argv) > 1 and sys.argv[1].startswith("-"):
            sys.exit(__doc__)
        if len(sys.argv) > 1:
            write_copy(defects, pathlib.Path(sys.argv[1]))
        else:
            planted_files(defects)
    except TableError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(defects)} defects in {len({d.file for d in defects})} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
