# SPDX-License-Identifier: Apache-2.0
"""What must be true of an --out folder after an interruption, looked at without our own code."""
import hashlib
import json
import re

TRACES = re.compile(r"terminate called|Assertion|Sanitizer|Stack dump|PLEASE submit|core dumped")


class Failed(Exception):
    """A promise that was broken, in words."""


def require(condition, message):
    if not condition:
        raise Failed(message)


def check_whole(folder):
    """A folder under a step's name holds exactly what its manifest says."""
    manifest = json.loads((folder / "manifest.json").read_text())
    require(folder.name == f"step-{manifest['step']:08d}", f"{folder}: says step {manifest['step']}")
    names = {entry["name"] for entry in manifest["files"]} | {"manifest.json"}
    require({path.name for path in folder.iterdir()} == names, f"{folder}: other files than listed")
    for entry in manifest["files"]:
        content = (folder / entry["name"]).read_bytes()
        require(len(content) == entry["size"], f"{folder}/{entry['name']}: {len(content)} bytes")
        require(hashlib.sha256(content).hexdigest() == entry["sha256"],
                f"{folder}/{entry['name']}: another SHA-256")


def newest_checkpoint(out):
    """Checks all checkpoints; the newest one's step, or -1."""
    folders = sorted(out.glob("step-*")) if out.exists() else []
    for folder in folders:
        check_whole(folder)
    return int(folders[-1].name[5:]) if folders else -1


def was_writing(out):
    """Whether the process ended in the middle of writing, replacing or dropping a checkpoint."""
    return out.exists() and any(path.name.startswith((".tmp-", ".old-")) for path in out.iterdir())


def log_lines(log):
    """The lines of a training log without what is measured; an unfinished last line is left out."""
    if not log.exists():
        return []
    lines = log.read_text().split("\n")[:-1]
    return [re.sub(r',"tokens_per_s":[^}]*', "", line) for line in lines]


def steps_logged(log):
    return sum('"loss"' in line for line in log_lines(log))


def check_equal(out, log, expected_out, expected_log):
    """The end of a run is that of an unbroken one."""
    def content(folder):
        newest = sorted(folder.glob("step-*"))[-1]
        return {path.name: path.read_bytes() for path in newest.iterdir()}

    ours, theirs = content(out), content(expected_out)
    require(ours.keys() == theirs.keys(), f"{out}: files {sorted(ours)}, expected {sorted(theirs)}")
    for name in ours:
        require(ours[name] == theirs[name], f"{out}: {name} differs from that of an unbroken run")
    require(log_lines(log) == log_lines(expected_log), f"{log}: differs from that of an unbroken run")
    left = [path.name for path in out.iterdir() if not path.name.startswith("step-")]
    require(left == [".heddle.lock"], f"{out}: left behind {left}")
