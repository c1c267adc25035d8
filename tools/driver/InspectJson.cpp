// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/JsonWriter.h"
#include "tools/driver/InspectText.h"

namespace heddle::tools {
namespace {

using runtime::JsonWriter;

void write(JsonWriter &json, const Summary &summary) {
  json.key("summary")
      .beginObject()
      .member("name", summary.name)
      .member("family", summary.family)
      .member("source", summary.source)
      .member("parameters", summary.parameters)
      .member("vocab_size", summary.vocabulary)
      .member("max_positions", summary.longestSequence)
      .member("entries", summary.entries)
      .member("batch", summary.batch)
      .member("seq", summary.seq)
      .member("target", summary.target)
      .endObject();
}

void write(JsonWriter &json, const ParameterSection &params) {
  json.key("params").beginObject().member("elements", params.elements);
  json.key("layers").beginArray();
  for (const ParameterSection::Layer &layer : params.layers)
    json.beginObject()
        .member("layer", layer.path)
        .member("tensors", layer.tensors)
        .member("elements", layer.elements)
        .endObject();
  json.endArray().key("parameters").beginArray();
  for (const ParameterRow &row : params.parameters)
    json.beginObject()
        .member("name", row.name)
        .member("shape", row.shape)
        .member("elements", row.elements)
        .member("layer", row.layer)
        .endObject();
  json.endArray().endObject();
}

void write(JsonWriter &json, const std::vector<OpRow> &ops) {
  json.key("shapes").beginArray();
  for (const OpRow &row : ops)
    json.beginObject()
        .member("op", row.op)
        .member("operands", row.operands)
        .member("results", row.results)
        .member("letters", row.letters)
        .member("layer", row.layer)
        .endObject();
  json.endArray();
}

void write(JsonWriter &json, const std::vector<Growth> &rows) {
  json.key("growth").beginArray();
  for (const Growth &row : rows)
    json.beginObject()
        .member("seq", row.seq)
        .member("forward_flops", row.forwardFlops)
        .member("training_flops", 3 * row.forwardFlops)
        .member("attention_flops", row.attentionFlops)
        .member("bytes_moved", row.bytesMoved)
        .member("inference_bytes", row.inferenceBytes)
        .member("training_bytes", row.trainingBytes)
        .member("score_bytes", row.scoreBytes)
        .member("cache_bytes", row.cacheBytes)
        .endObject();
  json.endArray();
}

void write(JsonWriter &json, const std::vector<passes::FusionEntry> &entries) {
  json.key("fusions").beginArray();
  for (const passes::FusionEntry &entry : entries)
    json.beginObject()
        .member("kind", passes::fusionKindName(entry.kind).str())
        .member("op", entry.op)
        .member("function", entry.function)
        .member("layer", entry.layer)
        .member("reason", entry.reason)
        .member("advice", entry.advice)
        .endObject();
  json.endArray();
}

void write(JsonWriter &json, const passes::TensorLifetime &tensor) {
  json.beginObject()
      .member("name", tensor.name)
      .member("layer", tensor.layer)
      .member("type", tensor.type)
      .member("bytes", tensor.bytes)
      .member("offset", tensor.offset)
      .member("first", tensor.first)
      .member("last", tensor.last)
      .endObject();
}

void write(JsonWriter &json, const std::vector<PlanMemory> &plans) {
  json.key("memory").beginArray();
  for (const PlanMemory &plan : plans) {
    const passes::MemoryReport &report = plan.report;
    double live = static_cast<double>(report.maxLiveBytes);
    json.beginObject()
        .member("entry", plan.entry)
        .member("arena_bytes", report.arenaBytes)
        .member("max_live_bytes", report.maxLiveBytes)
        .member("ratio", live > 0 ? static_cast<double>(report.arenaBytes) / live : 1.0)
        .member("argument_bytes", report.argumentBytes)
        .member("result_bytes", report.resultBytes)
        .member("constant_bytes", report.constantBytes);
    if (!report.tensors.empty()) {
      json.key("peak")
          .beginObject()
          .member("kernel", static_cast<int64_t>(report.peakKernel))
          .member("name", report.peakKernelName)
          .member("layer", report.peakLayer)
          .member("bytes", report.peakBytes)
          .member("alive", report.aliveAtPeak)
          .endObject();
      json.key("tensors").beginArray();
      for (const passes::TensorLifetime &tensor : report.tensors)
        write(json, tensor);
      json.endArray();
    }
    json.endObject();
  }
  json.endArray();
}

void write(JsonWriter &json, const std::vector<KernelRow> &kernels) {
  json.key("kernels").beginArray();
  for (const KernelRow &row : kernels)
    json.beginObject()
        .member("kernel", row.symbol)
        .member("launches", row.launches)
        .member("tasks", row.tasks)
        .member("flops", row.flops)
        .member("bytes", row.bytes)
        .member("layers", row.layers)
        .endObject();
  json.endArray();
}

} // namespace

std::string inspectionJson(const Inspection &inspection) {
  JsonWriter json;
  json.beginObject();
  if (inspection.summary)
    write(json, *inspection.summary);
  if (inspection.params)
    write(json, *inspection.params);
  if (inspection.shapes)
    write(json.member("entry", inspection.entry), *inspection.shapes);
  if (inspection.growth)
    write(json, *inspection.growth);
  if (inspection.fusions)
    write(json, *inspection.fusions);
  if (inspection.memory)
    write(json, *inspection.memory);
  if (inspection.cacheBytes)
    json.member("cache_bytes", *inspection.cacheBytes);
  if (inspection.kernels)
    write(json, *inspection.kernels);
  if (!inspection.ir.empty())
    json.member("ir", inspection.ir);
  return json.endObject().take();
}

} // namespace heddle::tools
