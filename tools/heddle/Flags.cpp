// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/Flags.h"

#include "runtime/cli/NumberFlag.h"

namespace heddle::tools {

void addCompilerFlags(CLI::App &verb, CompilerFlags &flags) {
  verb.add_option("--family", flags.family, "a table for one more Hugging Face model_type");
  verb.add_option("--require-fused", flags.requireFused,
                  "how many of each must be fused, such as attention:12,ffn:12");
  verb.add_option("--dump-dir", flags.dumpFolder,
                  "leaves the IR of every stage, the kernels and the memory plan there");
  verb.add_flag("--allow-nondeterministic", flags.allowNondeterministic,
                "permits kernels whose sums have no fixed order (none on the CPU)");
}

void addFlags(CLI::App &verb, CompileFlags &flags) {
  runtime::addModelFlags(verb, flags);
  verb.add_option("-o,--output", flags.output, "the executable to write")->type_name("FILE.heddle");
  verb.add_flag("--train", flags.train, "with backward and optimizer");
  verb.add_option("--emit", flags.emit, "prints the IR after this stage and stops");
  verb.add_flag("--list-stages", flags.listStages, "prints the stages and stops");
  verb.add_option("--tokenizer", flags.tokenizer, "bytes, char, bpe:N, or a folder or file");
  runtime::addNumber(verb, "--dropout", flags.dropout, "in place of the definition's");
  runtime::addFreeze(verb, flags.freeze);
  runtime::addLora(verb, flags.lora);
}

void addFlags(CLI::App &verb, VerifyFlags &flags) {
  runtime::addModelFlags(verb, flags);
  verb.add_flag("--grad", flags.grad, "gradients of every parameter too");
  verb.add_flag("--passes", flags.passes, "every pass, before and after");
  verb.add_option("--against", flags.against, "safetensors with in.*, out.* and grad.*");
  runtime::addNumber(verb, "--seed", flags.seed, "for random weights and inputs");
}

void addFlags(CLI::App &verb, InspectFlags &flags) {
  runtime::addModelFlags(verb, flags);
  verb.add_flag("--params", flags.params, "parameters by layer and in all");
  verb.add_flag("--shapes", flags.shapes, "a line an op, with shapes and layer");
  verb.add_flag("--fusions", flags.fusions, "what was fused, what was not and why");
  verb.add_flag("--memory", flags.memory, "the arena's peak and every tensor's lifetime");
  verb.add_flag("--kernels", flags.kernels, "the distinct kernels and where they run");
  verb.add_option("--ir", flags.ir, "prints the IR after this stage")->type_name("STAGE");
  verb.add_flag("--train", flags.train, "the training step instead of forward");
}

void addFlags(CLI::App &verb, TokenizeFlags &flags) {
  verb.add_option("MODEL", flags.model, "whose tokenizer")->required()->type_name("MODEL");
  verb.add_option("FILE", flags.file, "text, a line at a time; - or nothing: standard input");
  verb.add_option("--tokenizer", flags.tokenizer, "in place of the model's");
  verb.add_flag("--decode", flags.decode, "from arrays of ids back to text");
}

} // namespace heddle::tools
