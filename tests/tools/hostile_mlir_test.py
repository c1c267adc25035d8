#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Modules that nobody should write, through every tool that reads modules. heddle refuses them with exit
code 2 and words of its own, or does what they say; heddle-opt refuses them with exit code 1. No tool
crashes, hangs, or claims more memory than the machine has. HEDDLE_BIN_DIR is where the tools are."""
import os
import pathlib
import subprocess
import tempfile
import unittest

from tool_case import MEGABYTE, limited

BIN = pathlib.Path(os.environ["HEDDLE_BIN_DIR"])
TIMEOUT_S = 120  # for hangs; the slowest takes some seconds


def function(body, arguments="%x: tensor<4xf32>", results="tensor<4xf32>", name="forward"):
    return f"func.func @{name}({arguments}) -> {results} {{\n{body}\n}}\n"


def one(op, operand="tensor<4xf32>", result="tensor<4xf32>"):
    """A function of one op on %x."""
    return function(f"%y = {op}\nreturn %y : {result}", f"%x: {operand}", result)


UNARY = "heddle.tanh %x : {0}"
NAMED = '{{heddle.kind = "{}", heddle.name = "{}"}}'
KERNEL = """module attributes {heddle.stage = "kernels"} {
func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = heddle.kernel "k" (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> ATTRIBUTES {
    BODY
    heddle.yield YIELD : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}
}"""


def kernel(body="%b = heddle.exp %a : tensor<4xf32>", yields="%b", attributes=""):
    return (KERNEL.replace("ATTRIBUTES", f"attributes {{{attributes}}}" if attributes else "")
            .replace("BODY", body).replace("YIELD", yields))


def types():
    """A type that is no tensor of the dialect: named in the error."""
    return {
        f"type {t}": (one(UNARY.format(t), t, t), "")
        for t in ("tensor<*xf32>", "tensor<?xf32>", "tensor<0xf32>", "tensor<4x0x3xf32>",
                  "tensor<4xf8E4M3FN>", "tensor<4xf80>", "tensor<4xf128>", "tensor<4xindex>",
                  "tensor<4xi1024>", "tensor<4xi8>", "tensor<4xui32>", "tensor<4xcomplex<f32>>",
                  "tensor<4xf32, #heddle.none>", "memref<4xf32>", "vector<4xf32>", "f32", "none",
                  "tensor<4xvector<2xf32>>", "tuple<tensor<4xf32>>", "(tensor<f32>) -> tensor<f32>",
                  "tensor<281474976710657xf32>", "tensor<16777217x16777216xf32>",
                  "tensor<9223372036854775807x9223372036854775807xf32>", "!heddle.none",
                  "tensor<4611686018427387904x4xf32>", "tensor<-4xf32>")
    }


def signatures():
    bad_name = 'heddle.kind = "param", heddle.name = "w\\00x"'
    two = "%x: tensor<4xf32> {a}, %z: tensor<4xf32> {b}"
    back = "return %x : tensor<4xf32>"
    return {
        "no functions": ("module {}", ""),
        "nothing": ("", ""),
        "not text": ("\0\1\2\xff", ""),
        "declaration": ("func.func private @forward(tensor<4xf32>) -> tensor<4xf32>", "has no body"),
        "no results": ("func.func @forward(%x: tensor<4xf32>) { return }", None),
        "no arguments": (function("%y = heddle.constant dense<1.0> : tensor<4xf32>\n"
                                  "return %y : tensor<4xf32>", ""), None),
        "same name": (function(back) + function(back), "redefinition of symbol"),
        "nested module": ("module { module { " + function(back) + " } }", "is no function"),
        "two blocks": (function("\"cf.br\"()[^b] : () -> ()\n^b: return %x : tensor<4xf32>"), ""),
        "self call": (function("%y = call @forward(%x) : (tensor<4xf32>) -> tensor<4xf32>\n"
                               "return %y : tensor<4xf32>"), "is not of the heddle dialect"),
        "unreachable block": (function(back + "\n^b: return %x : tensor<4xf32>"),
                              "has more than one block"),
        "kind of wrong kind": (function(back, "%x: tensor<4xf32> {heddle.kind = 7 : i64}"),
                               "expected a string"),
        "unknown kind": (function(back, "%x: tensor<4xf32> " + NAMED.format("weight", "w")),
                         "expected one of param, state"),
        "name of wrong kind": (function(back, "%x: tensor<4xf32> {heddle.name = [1]}"),
                               "expected a string"),
        "zero byte in a name": (function(back, f"%x: tensor<4xf32> {{{bad_name}}}"), "zero byte"),
        "one name twice": (function(back, two.replace("{a}", NAMED.format("param", "w"))
                                    .replace("{b}", NAMED.format("param", "w"))), "of another"),
        "new value of another type": (
            function("%y = heddle.sum %x {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>\n"
                     "return %y : tensor<f32>", "%x: tensor<4xf32> " + NAMED.format("state", "s"),
                     "(tensor<f32> " + NAMED.format("state", "s") + ")"), "the argument has"),
        "stage by hand": ('module attributes {heddle.stage = "planned"} {' + function(back) + "}",
                          "can be gone on from"),
        "stage of wrong kind": ("module attributes {heddle.stage = 3 : i64} {" + function(back) + "}",
                                "can be gone on from"),
        "argument as result": (function(back), None),
        "argument as two results": (function("return %x, %x : tensor<4xf32>, tensor<4xf32>",
                                             results="(tensor<4xf32>, tensor<4xf32>)"), None),
        "swapped states": (
            function("return %z, %x : tensor<4xf32>, tensor<4xf32>",
                     two.replace("{a}", NAMED.format("state", "a"))
                     .replace("{b}", NAMED.format("state", "b")),
                     "(tensor<4xf32> " + NAMED.format("state", "a") + ", tensor<4xf32> "
                     + NAMED.format("state", "b") + ")"), None),
    }


def ops():
    f = "tensor<4xf32>"
    m = "tensor<4x4xf32>"
    big = "tensor<16777216x16777216xf32>"
    attention = ("heddle.attention %x, %x, %x {{scale = 1.0 : f64{0}}} : (tensor<1x1x4x4xf32>, "
                 "tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> (tensor<1x1x4x4xf32>, "
                 "tensor<1x1x4xf32>)")

    def attend(attributes):
        return function(f"%y, %l = {attention.format(attributes)}\n"
                        "return %y : tensor<1x1x4x4xf32>", "%x: tensor<1x1x4x4xf32>",
                        "tensor<1x1x4x4xf32>")

    def transpose(permutation):
        return one(f"heddle.transpose %x {{permutation = array<i64: {permutation}>}} : ({m}) -> {m}",
                   m, m)

    def window(offsets, sizes):
        return one(f"heddle.slice %x {{offsets = array<i64: {offsets}>, sizes = array<i64: {sizes}>}}"
                   f" : ({f}) -> {f}")

    most = 9223372036854775807
    return {
        "unregistered op": (one(f"heddle.foo %x : {f}"), ""),
        "unregistered generic": (one(f'"heddle.foo"(%x) : ({f}) -> {f}'), ""),
        "unknown dialect": (one(f'"toy.print"(%x) : ({f}) -> {f}'), ""),
        "no operands": (one(f'"heddle.add"() : () -> {f}'), ""),
        "many results": (one(f'"heddle.tanh"(%x) : ({f}) -> ({f}, {f})'), ""),
        "region where none is": (one(f'"heddle.tanh"(%x) ({{}}) : ({f}) -> {f}'), ""),
        "yield without kernel": (function(f"heddle.yield %x : {f}"), ""),
        "value before it is": (function(f"%z = heddle.exp %y : {f}\n%y = heddle.exp %z : {f}\n"
                                        f"return %z : {f}"), ""),
        "permutation: repeated": (transpose("0, 0"), ""),
        "permutation: negative": (transpose("-1, 0"), ""),
        "permutation: huge": (transpose(f"{most}, 0"), ""),
        "permutation: short": (transpose("0"), ""),
        "slice: negative": (window(-1, 4), ""),
        "slice: overflow": (window(most, most), ""),
        "slice: empty": (window(0, 0), ""),
        "pad: overflow": (one(f"heddle.pad %x {{low = array<i64: {most}>, high = array<i64: {most}>}}"
                              f" : ({f}) -> {f}"), ""),
        "pad: negative": (one(f"heddle.pad %x {{low = array<i64: -1>, high = array<i64: 1>}} : ({f}) ->"
                              f" {f}"), ""),
        "concat of nothing": (one(f"heddle.concat {{axis = 0 : i64}} : () -> {f}"), ""),
        "concat: axis": (one(f"heddle.concat %x {{axis = {most} : i64}} : ({f}) -> {f}"), ""),
        "sum: axis": (one(f"heddle.sum %x {{axes = array<i64: {most}>}} : ({f}) -> tensor<f32>",
                          f, "tensor<f32>"), ""),
        "sum: descending": (one(f"heddle.sum %x {{axes = array<i64: 1, 0>}} : ({m}) -> tensor<f32>",
                                m, "tensor<f32>"), ""),
        "sum: attribute of wrong kind": (
            one(f"heddle.sum %x {{axes = \"all\"}} : ({f}) -> tensor<f32>", f, "tensor<f32>"), ""),
        "reshape: other count": (one(f"heddle.reshape %x : {f} -> tensor<5xf32>", f, "tensor<5xf32>"),
                                 ""),
        "broadcast: shrinks": (one(f"heddle.broadcast %x : {f} -> tensor<1xf32>", f, "tensor<1xf32>"),
                               ""),
        "matmul: vectors": (one(f"heddle.matmul %x, %x : ({f}, {f}) -> {f}"), ""),
        "matmul: product too large": (
            one("heddle.matmul %x, %x {transpose_b} : (tensor<16777217x1xf32>, tensor<16777217x1xf32>)"
                " -> tensor<16777217x16777217xf32>", "tensor<16777217x1xf32>",
                "tensor<16777217x16777217xf32>"), ""),
        "softmax of a scalar": (one("heddle.softmax %x : tensor<f32>", "tensor<f32>", "tensor<f32>"),
                                ""),
        "attention: NaN scale": (attend("").replace("1.0 : f64", "0x7FF8000000000000 : f64"), None),
        "attention: window 0": (attend(", window = 0 : i64"), ""),
        "attention: window most negative": (attend(f", causal, window = {-most - 1} : i64"), ""),
        "attention: window largest": (attend(f", causal, window = {most} : i64"), None),
        "attention: window alone": (attend(f", window = {most} : i64"), None),
        "attention: soft cap 0": (attend(", soft_cap = 0.0 : f64"), ""),
        "attention: dropout without rng": (attend(", dropout = 0.5 : f64"), ""),
        "attention: dropout NaN": (attend(", dropout = 0x7FF8000000000000 : f64"), ""),
        "attention: rng_id": (attend(f", rng_id = {-most - 1} : i64"), ""),
        "constant: huge splat": (
            function(f"%c = heddle.constant dense<1.0> : {big}\n%y = heddle.sum %c {{axes = array<i64: "
                     f"0, 1>}} : ({big}) -> tensor<f32>\nreturn %y : tensor<f32>", "", "tensor<f32>"),
            None),
        "constant: huge splat returned": (
            function(f"%c = heddle.constant dense<1.0> : {big}\nreturn %c : {big}", "", big), None),
        "constant: vector": (function("%c = heddle.constant dense<1.0> : vector<4xf32>\n"
                                      f"return %x : {f}"), ""),
        "constant: resource": (function("%y = heddle.constant dense_resource<none> : tensor<4xf32>\n"
                                        f"return %y : {f}"), ""),
        "constant: strings": (function('%y = heddle.constant dense<"a"> : tensor<4x!heddle.s>\n'
                                       f"return %x : {f}"), ""),
        "huge tensor": (one(UNARY.format(big), big, big), None),
        "huge causal mask": (
            function("%m = heddle.causal_mask : tensor<16777216x16777216xi1>\n"
                     "return %m : tensor<16777216x16777216xi1>", "",
                     "tensor<16777216x16777216xi1>"), None),
        "f64": (one(UNARY.format("tensor<4xf64>"), "tensor<4xf64>", "tensor<4xf64>"), ""),
        "f16": (one(UNARY.format("tensor<4xf16>"), "tensor<4xf16>", "tensor<4xf16>"), ""),
        "many axes": (one(UNARY.format("tensor<" + "1x" * 100 + "f32>"), "tensor<" + "1x" * 100 + "f32>",
                          "tensor<" + "1x" * 100 + "f32>"), ""),
    }


def kernels():
    return {
        "kernel": (kernel(), None),
        "kernel: offsets that lie": (kernel(attributes="offsets = array<i64: 123456789>"), None),
        "kernel: too many offsets": (kernel(attributes="offsets = array<i64: 0, 4>"), ""),
        "kernel: negative offset": (kernel(attributes="offsets = array<i64: -7>"), None),
        "kernel: arguments that lie": (kernel(attributes="heddle.arguments = array<i64: 99>"), None),
        "kernel: arguments of wrong kind": (kernel(attributes='heddle.arguments = "x"'), None),
        "kernel: yields its input": (kernel("", "%a"), None),
        "kernel in a kernel": (kernel(kernel().split("{", 2)[2].split("return")[0]
                                      .replace("%x", "%a").replace("%a = %a", "%c = %a")
                                      .replace("%b = heddle.exp %a", "%b = heddle.exp %c"), "%y"), ""),
        "kernel: foreign op": (kernel('%b = "toy.op"(%a) : (tensor<4xf32>) -> tensor<4xf32>'), ""),
        "kernel: empty body": (kernel("").replace("heddle.yield YIELD : tensor<4xf32>", ""), ""),
        "kernel: before its stage": (kernel().replace('"kernels"', '"builder"'), ""),
        "kernel: without its stage": (kernel().replace(' attributes {heddle.stage = "kernels"}', ""),
                                      "cannot be part of a kernel"),
        "arena by hand": (kernel().replace("-> tensor<4xf32> {\n  %y", "-> tensor<4xf32> attributes "
                                           "{heddle.arena_bytes = -1 : i64, heddle.max_live_bytes = "
                                           '"x"} {\n  %y'), None),
    }


def nesting():
    def nested(count, opening, closing, inside=""):
        return opening * count + inside + closing * count

    shallow = "module { " * 200 + "}" * 200
    return {
        "nested modules": (nested(3000, "module { ", "}"), "nested more than 256 deep"),
        "nested types": (one(UNARY.format(nested(20000, "tuple<", ">"))), "nested more than 256 deep"),
        "nested attributes": ("module attributes {a = " + nested(20000, "[", "]") + "} {}",
                              "nested more than 256 deep"),
        "nested locations": ("module {} loc(" + nested(20000, 'callsite("a" at ', ")", '"b"') + ")",
                             "nested more than 256 deep"),
        "nested affine expressions": (
            "module attributes {a = affine_map<(d) -> (" + nested(20000, "(", ")", "d") + ")>} {}",
            "nested more than 256 deep"),
        "signs in a row": ("module attributes {a = affine_map<(d) -> (" + "-" * 20000 + "d)>} {}",
                           "nested more than 256 deep"),
        "brackets in strings": ('module attributes {a = "' + "[" * 3000 + '"} { // ' + "{" * 3000
                                + "\n" + function("return %x : tensor<4xf32>") + "}", None),
        "openings only": ("[" * 5000, "nested more than 256 deep"),
        "array of index": ("module attributes {a = array<index: 1>} {}", "an array of index"),
        "200 modules": (shallow, "is no function"),
        "bytecode": ("ML\xefR\0\0\0\0", ""),
    }


CASES = types() | signatures() | ops() | kernels() | nesting()
# On these MLIR's own parser crashes, and so does heddle-opt (tools/README.md).
MLIR_LIMITS = {name for name, (_, says) in nesting().items() if says and says.startswith(("nested more", "an array"))}


class HostileModules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.at = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def call(self, tool, *arguments):
        # Address space is what a crazy size takes first: the kernel gives memory without having it.
        return subprocess.run([BIN / tool, *arguments], cwd=self.at, capture_output=True, timeout=TIMEOUT_S,
                              preexec_fn=limited(**{"as": 16_000 * MEGABYTE}),
                              env=os.environ | {"HEDDLE_CACHE_DIR": "", "TMPDIR": str(self.at)})

    def check(self, name, result, codes, says):
        text = result.stderr.decode(errors="replace")
        self.assertIn(result.returncode, codes, f"{name}: {text[-2000:]}")
        self.assertNotIn("this is a bug in Heddle", text, name)
        self.assertTrue(result.returncode == 0 or "error:" in text, f"{name}: no error: {text}")
        if says and result.returncode != 0:
            self.assertIn(says, text, name)

    def each(self, codes, tool, *arguments, skip=()):
        for name, (text, says) in CASES.items():
            if name in skip:
                continue
            with self.subTest(name):
                (self.at / "m.mlir").write_bytes(text.encode("utf-8", "surrogateescape"))
                expected = codes if says is None else codes - {0}
                self.check(name, self.call(tool, *arguments), expected, says)

    def test_compile(self):
        self.each({0, 2}, "heddle", "compile", "m.mlir", "-o", "m.heddle")

    def test_verify(self):
        # Too large for float64 is said, not tried.
        self.each({0, 1, 2}, "heddle", "verify", "m.mlir")

    def test_opt(self):
        for name, (text, _) in CASES.items():
            if name in MLIR_LIMITS:
                continue
            with self.subTest(name):
                (self.at / "m.mlir").write_bytes(text.encode("utf-8", "surrogateescape"))
                for passes in ("--heddle-compile-train", "--heddle-plan-memory"):
                    result = self.call("heddle-opt", passes, "m.mlir")
                    self.assertIn(result.returncode, (0, 1),
                                  f"{name}: {result.stderr.decode(errors='replace')[-2000:]}")


if __name__ == "__main__":
    unittest.main()
