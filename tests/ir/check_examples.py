#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the example of every op's description (ir/*.td) through heddle-opt.

An op without a summary or without an example fails, and so does an example that does not parse,
verify and show its op. An example is either whole functions or one op over values that it does not
define; those become arguments, with the types at the example's end.

    check_examples.py --tblgen mlir-tblgen --opt heddle-opt --source REPOSITORY [--mlir-include DIR]
"""

import argparse
import re
import subprocess
import sys


def op_documents(tblgen, source, include):
    """Pairs of an op's name and its Markdown, which has the classes' texts filled in."""
    markdown = subprocess.run(
        [tblgen, "-gen-op-doc", "-I", source, "-I", include, f"{source}/ir/Ops.td"],
        check=True, capture_output=True, text=True).stdout
    parts = re.split(r"^### `(heddle\.\w+)`.*$", markdown, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def split_types(text):
    """The types in "a, b<c, d>", at the top level of brackets."""
    types, depth, current = [], 0, ""
    for character in text:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            types.append(current.strip())
            current = ""
        else:
            current += character
    return types + [current.strip()] if current.strip() else types


def as_function(example):
    """One op over undefined values as a function of these values."""
    op = " ".join(line.strip() for line in example.strip().splitlines())
    right = op.split(" = ", 1)[1]
    uses = re.findall(r"%\w+", right)
    types = re.split(r" : (?=\(|tensor<)", right, maxsplit=1)[1]
    functional = re.match(r"\((.*)\) -> ", types)
    operands = split_types(functional.group(1) if functional else types.split(" -> ")[0])
    if len(operands) == 1:
        operands *= len(uses)
    if uses and len(operands) != len(uses):
        raise ValueError(f"{len(uses)} operands, {len(operands)} types")
    arguments = ", ".join(f"{name}: {type_}" for name, type_ in dict(zip(uses, operands)).items())
    return f"func.func @example({arguments}) {{\n  {op}\n  return\n}}\n"


def check(name, document, opt):
    """What is wrong with one op's text, or nothing."""
    if not re.search(r"^_\S", document, re.MULTILINE):
        return "has no summary"
    examples = re.findall(r"```mlir\n(.*?)```", document, re.DOTALL)
    examples = [e for e in examples if f"{name} " in e or f"{name}\n" in e]
    if not examples:
        return "has no example"
    for example in examples:
        try:
            text = example if "func.func" in example else as_function(example)
        except (ValueError, IndexError) as error:
            return f"has an example that is not understood ({error}):\n{example}"
        run = subprocess.run([opt, "-"], input=text, capture_output=True, text=True)
        if run.returncode != 0:
            return f"has an example that fails:\n{text}{run.stderr}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tblgen", required=True)
    parser.add_argument("--opt", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--mlir-include", required=True)
    arguments = parser.parse_args()
    documents = op_documents(arguments.tblgen, arguments.source, arguments.mlir_include)
    problems = 0
    for name, document in documents:
        problem = check(name, document, arguments.opt)
        if problem:
            print(f"{name} {problem}", file=sys.stderr)
            problems += 1
    print(f"{len(documents)} ops, {problems} with problems")
    return 1 if problems or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
