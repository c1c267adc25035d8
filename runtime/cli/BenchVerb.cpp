// SPDX-License-Identifier: Apache-2.0
// heddle bench: how long an entry takes on made-up inputs.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <sys/resource.h>

#include "runtime/cli/OpenModel.h"
#include "runtime/cli/Outputs.h"
#include "runtime/cli/Profile.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/WholeFile.h"
#include "runtime/plan/ByteText.h"
#include "runtime/plan/Philox.h"
#include "runtime/train/Schedule.h"

namespace heddle::runtime {
namespace {

Status setInteger(PreparedEntry &entry, const proto::Value &argument, const RandomStream &random,
                  const proto::Manifest &manifest) {
  const std::string &name = argument.name();
  std::vector<int64_t> shape = shapeOf(argument);
  HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteSize(argument.dtype(), shape));
  std::vector<int32_t> values(bytes / sizeof(int32_t));
  const bool isToken = name == "input_ids" || name == "targets";
  const int64_t end = argument.end() > 0 ? argument.end() : isToken ? manifest.vocab_size() : 0;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = argument.end() > 0 || isToken
                    ? static_cast<int32_t>(random.below(i, std::max<int64_t>(1, end)))
                : name == "positions" ? static_cast<int32_t>(manifest.seq() / 2)
                                      : static_cast<int32_t>(manifest.seq() - 1);
  return entry.setInput(name, Tensor::of(DType::I32, shape, values));
}

Status setFloats(PreparedEntry &entry, const proto::Value &argument, const RandomStream &random) {
  std::vector<int64_t> shape = shapeOf(argument);
  HEDDLE_ASSIGN_OR_RETURN(uint64_t bytes, byteSize(argument.dtype(), shape));
  std::vector<float> values(bytes / sizeof(float));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(2 * random.uniform(i) - 1);
  return entry.setInput(argument.name(), Tensor::of(DType::F32, shape, values));
}

/// Inputs that no default stands for: random tokens and pixels, the middle of the cache, AdamW's
/// defaults.
Status setInputs(PreparedEntry &entry, const proto::Manifest &manifest, uint64_t seed) {
  for (const proto::Value &argument : entry.plan().arguments()) {
    if (argument.kind() != "input" || argument.default_value() != proto::Value::REQUIRED)
      continue;
    const RandomStream random(seed, "bench." + argument.name());
    if (argument.dtype() == proto::I32)
      HEDDLE_RETURN_IF_ERROR(setInteger(entry, argument, random, manifest));
    else if (argument.dtype() == proto::F32)
      HEDDLE_RETURN_IF_ERROR(setFloats(entry, argument, random));
  }
  std::array<float, 9> hyper = AdamW().hyper(1e-4, 1);
  HEDDLE_RETURN_IF_ERROR(entry.setRaw("hyper", hyper.data(), sizeof hyper));
  HEDDLE_RETURN_IF_ERROR(entry.setScalar("grad_clip", std::numeric_limits<float>::infinity()));
  HEDDLE_RETURN_IF_ERROR(entry.setScalar("loss_scale", 1));
  int64_t rng[3] = {static_cast<int64_t>(seed), 0, 0};
  return entry.setRaw("rng", rng, sizeof rng);
}

/// The value below which a share of the sorted times lies, between neighbours.
double quantile(const std::vector<double> &sorted, double share) {
  double at = share * static_cast<double>(sorted.size() - 1);
  auto below = static_cast<size_t>(at);
  size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

uint64_t peakBytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

struct Measured {
  std::vector<double> times; // sorted, in ms
  double flops = 0, tokens = 0;
};

StatusOr<Measured> measure(PreparedEntry &entry, int64_t iters, Profile *profile) {
  Measured measured;
  // A single run is a measurement of the start too: nothing comes before it.
  for (int64_t i = 0; i < (iters > 1 ? 2 : 0); ++i)
    HEDDLE_RETURN_IF_ERROR(entry.run());
  for (int64_t i = 0; i < iters; ++i) {
    if (profile)
      profile->startRun();
    auto start = std::chrono::steady_clock::now();
    HEDDLE_RETURN_IF_ERROR(entry.run(profile));
    std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    measured.times.push_back(elapsed.count());
  }
  std::sort(measured.times.begin(), measured.times.end());
  for (const proto::Launch &launch : entry.plan().launches())
    measured.flops += launch.flops();
  measured.tokens = 1;
  if (const proto::Value *ids = entry.argument("input_ids"))
    for (int64_t size : ids->shape())
      measured.tokens *= static_cast<double>(size);
  return measured;
}

void report(const Measured &measured, Session &session, const BenchFlags &flags, double compileMs,
            const Profile *profile) {
  const proto::Manifest &manifest = session.manifest();
  double median = quantile(measured.times, 0.5);
  double rate = measured.tokens / median * 1e3;
  if (!flags.json) {
    printf("%s: median %.3f ms (20%% %.3f, 80%% %.3f), %.0f tokens/s, %.1f GFLOP/s\n",
           flags.entry.c_str(), median, quantile(measured.times, 0.2),
           quantile(measured.times, 0.8), rate, measured.flops / (median * 1e6));
    printf("%d threads, %s %s, batch %lld, sequence %lld, arena %s, peak memory %s\n",
           session.device().threads(), manifest.target().c_str(), manifest.dtype().c_str(),
           static_cast<long long>(manifest.batch()), static_cast<long long>(manifest.seq()),
           byteText(session.arenaBytes()).c_str(), byteText(peakBytes()).c_str());
    if (flags.profile)
      printf("%s", profile->table().c_str());
    return;
  }
  JsonWriter json;
  json.beginObject()
      .member("entry", flags.entry)
      .member("median_ms", median)
      .member("p20_ms", quantile(measured.times, 0.2))
      .member("p80_ms", quantile(measured.times, 0.8))
      .member("compile_ms", compileMs)
      .member("peak_bytes", peakBytes())
      .member("arena_bytes", session.arenaBytes())
      .member("tokens_per_s", rate)
      .member("flops", measured.flops)
      .member("threads", session.device().threads())
      .member("target", manifest.target())
      .member("dtype", manifest.dtype());
  if (flags.profile)
    profile->writeJson(json.key("profile"));
  json.endObject();
  printf("%s\n", json.text().c_str());
}

} // namespace

StatusOr<int> benchVerb(FileLayer &layer, SharedExecutable executable, const BenchFlags &flags,
                        double compileMs) {
  HEDDLE_RETURN_IF_ERROR(checkOutputs(layer, flags));
  HEDDLE_ASSIGN_OR_RETURN(auto session, openSession(std::move(executable), flags, flags.entry));
  HEDDLE_ASSIGN_OR_RETURN(PreparedEntry * entry, session->prepare(flags.entry));
  HEDDLE_RETURN_IF_ERROR(loadWeights(layer, *session, flags, flags.seed).status());
  HEDDLE_RETURN_IF_ERROR(setInputs(*entry, session->manifest(), flags.seed));
  Profile profile(entry->plan());
  bool watches = flags.profile || !flags.trace.empty();
  HEDDLE_ASSIGN_OR_RETURN(Measured measured,
                          measure(*entry, flags.iters, watches ? &profile : nullptr));
  if (!flags.trace.empty())
    HEDDLE_RETURN_IF_ERROR(writeFileAtomically(layer, flags.trace, profile.trace()));
  report(measured, *session, flags, compileMs, &profile);
  // It was the time that was asked for; whether NaN takes as long is another question.
  HEDDLE_ASSIGN_OR_RETURN(std::string problem, problemAfter(*session, flags.entry));
  if (!problem.empty())
    remark(problem);
  return 0;
}

} // namespace heddle::runtime
