# SPDX-License-Identifier: Apache-2.0
"""Heddle beside PyTorch: interleaved rounds in one process tree, medians, honest about losses."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEDDLE = ROOT / "build/release/bin/heddle"
HEDDLE_RUN = ROOT / "build/release/bin/heddle-run"
PEERS = ROOT / "benchmarks/peers"

STEPS = {
    # row: definition, batch, sequence, vocabulary, iterations a round, gate
    "gpt2": ("gpt2-124m", 4, 256, 50257, 1, 1.0),
    "nanogpt": ("nanogpt", 12, 64, 65, 40, 1.3),
}


class Peer:
    """A PyTorch process that waits between rounds."""

    def __init__(self, script, model, *arguments):
        command = [sys.executable, str(PEERS / script), "--model", model, *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, iterations):
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        time.sleep(0.5)  # its workers spin for a while before they sleep
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def heddle(*arguments, binary=HEDDLE, env=None):
    result = subprocess.run([str(binary), *map(str, arguments)], text=True, capture_output=True,
                            env={**os.environ, **(env or {})})
    if result.returncode != 0:
        raise SystemExit(f"{binary.name} {' '.join(map(str, arguments))}\n{result.stderr}")
    return result.stdout


def step_row(name, rounds, folder):
    model, batch, sequence, vocabulary, iterations, gate = STEPS[name]
    executable = folder / f"{model}.heddle"
    heddle("compile", definition(model, vocabulary, folder), "--train", "--batch", batch, "--seq",
           sequence, "-o", executable)
    peer = Peer("torch_step.py", model)
    peer.run(2)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(json.loads(heddle("bench", executable, "--entry", "step", "--iters",
                                      max(iterations, 2), "--json", binary=HEDDLE_RUN)))
        theirs.append(peer.run(iterations))
    peer.close()
    mine = statistics.median(run["median_ms"] for run in ours)
    other = statistics.median(statistics.median(run["ms"]) for run in theirs)
    peak = best_of_machine("f32_peak_gflops_all_threads")
    return {
        "row": f"{model} step B={batch} T={sequence} f32", "heddle_ms": mine, "eager_ms": other,
        "ratio": other / mine, "gate": gate,
        "share_of_peak": ours[0]["flops"] / (mine * 1e6) / peak,
        "heddle_peak_bytes": max(run["peak_bytes"] for run in ours),
        "eager_peak_bytes": max(run["peak_bytes"] for run in theirs),
    }


def best_of_machine(key):
    """The best of three: a peer's worker that still spins takes a core away."""
    return max(json.loads(heddle("doctor", "--json"))[key] for _ in range(3))


def decode_row(rounds, folder):
    """One token for one row: every weight is read once, but for the table of positions."""
    model, sequence, tokens, gate = "gpt2-124m", 256, 20, 2.5
    source = definition(model, 50257, folder)
    elements = json.loads(heddle("inspect", source, "--params", "--json"))["params"]["elements"]
    weight_bytes = 4 * (elements - 1024 * 768)
    executable = folder / "decode.heddle"
    heddle("compile", source, "--batch", 1, "--seq", sequence, "-o", executable)
    peer = Peer("torch_decode.py", model, "--sequence", sequence)
    peer.run(5)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(json.loads(heddle("bench", executable, "--entry", "decode", "--iters", tokens,
                                      "--json", binary=HEDDLE_RUN))["median_ms"])
        theirs += peer.run(tokens)["ms"]
    peer.close()
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {"row": f"{model} decode B=1 f32", "heddle_ms": mine, "eager_ms": other,
            "ratio": other / mine, "gate": gate,
            "share_of_bandwidth": weight_bytes / (mine * 1e6)
                                  / best_of_machine("memory_read_gbps_all_threads")}


def definition(model, vocabulary, folder):
    """The example with its vocabulary fixed: no tokenizer takes part in a benchmark."""
    text = (ROOT / f"examples/{model}.textproto").read_text()
    if "\nvocab_size" not in text:
        text += f"\nvocab_size: {vocabulary}\n"
    path = folder / f"{model}.textproto"
    path.write_text(text)
    return path


def compile_row(folder):
    model = definition("gpt2-124m", 50257, folder)
    small = definition("nanogpt", 65, folder)
    cold, warm, four = [], [], []
    for _ in range(3):
        cache = folder / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        for path, times in ((model, cold), (model, warm), (small, four)):
            if path is small:
                shutil.rmtree(cache, ignore_errors=True)
            start = time.perf_counter()
            heddle("compile", path, "--train", "--batch", 4, "--seq",
                   256 if path is model else 64, "-o", folder / "c.heddle",
                   env={"HEDDLE_CACHE_DIR": str(cache)})
            times.append(time.perf_counter() - start)
    return {"row": "compile --train", "gpt2_cold_s": statistics.median(cold),
            "gpt2_warm_s": statistics.median(warm), "four_layers_cold_s": statistics.median(four)}


def start_row(folder):
    executable = folder / "start.heddle"
    heddle("compile", definition("nanogpt", 65, folder), "--train", "--batch", 1, "--seq", 16,
           "-o", executable)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        heddle("bench", executable, "--entry", "step", "--iters", 1, "--json", binary=HEDDLE_RUN)
        times.append(1e3 * (time.perf_counter() - start))
    return {"row": "heddle-run, start to end of first step", "ms": statistics.median(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="gpt2,nanogpt,decode,compile,start")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for row in options.rows.split(","):
            if row in STEPS:
                results.append(step_row(row, options.rounds, folder))
            elif row == "decode":
                results.append(decode_row(options.rounds, folder))
            elif row == "compile":
                results.append(compile_row(folder))
            elif row == "start":
                results.append(start_row(folder))
            else:
                parser.error(f"no row {row!r}")
    for result in results:
        if result.get("ratio", 1e9) < result.get("gate", 0):
            print(f"falls short: {result['row']}: {result['ratio']:.2f}x of {result['gate']}x")
    for result in results:
        print("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                        for key, value in result.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
