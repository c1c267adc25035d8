// SPDX-License-Identifier: Apache-2.0
#include "tools/heddle/Doctor.h"

#include <cstdio>
#include <filesystem>
#include <sched.h>
#include <unistd.h>

#include "absl/strings/str_format.h"
#include "codegen/KernelCache.h"
#include "codegen/cpu/Target.h"
#include "codegen/cuda/HostKernel.h"
#include "nlohmann/json.hpp"
#include "runtime/plan/CpuFeatures.h"
#include "tools/heddle/MemoryLoop.h"
#include "tools/heddle/PeakLoop.h"

namespace heddle::tools {
namespace {

using Json = nlohmann::ordered_json;

int allowedProcessors() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return 1;
  return CPU_COUNT(&allowed);
}

const char *reasonFor(codegen::Isa isa) {
  switch (isa) {
  case codegen::Isa::Avx512:
    return "the processor has AVX-512 (F, BW, DQ, VL) and FMA, and the system saves its registers";
  case codegen::Isa::Avx2:
    return "the processor has AVX2 and FMA but not all of AVX-512 F, BW, DQ, VL";
  case codegen::Isa::Scalar:
    break;
  }
  return "the processor lacks AVX2 or FMA: the portable code will be slow";
}

uint64_t folderBytes(const std::string &folder) {
  uint64_t total = 0;
  std::error_code error;
  for (const auto &entry : std::filesystem::directory_iterator(folder, error)) {
    std::error_code ignored;
    uint64_t size = entry.file_size(ignored);
    total += ignored ? 0 : size;
  }
  return total;
}

Json collect(const DoctorOptions &options) {
  codegen::Target target = codegen::hostTarget();
  int threads = options.threads > 0 ? options.threads : allowedProcessors();
  double one = measureF32Peak(target.isa(), 1);
  double all = threads == 1 ? one : measureF32Peak(target.isa(), threads);
  codegen::RegisterTile tile = target.gemmTile();
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::string cache = codegen::KernelCache::defaultFolder();
  StatusOr<std::string> compiler = codegen::hostCompiler();
  return {
      {"processor", runtime::CpuFeatures::host().model()},
      {"cpu_features", runtime::CpuFeatures::host().names()},
      {"target", target.name()},
      {"target_reason", reasonFor(target.isa())},
      {"threads", threads},
      {"threads_reason",
       options.threads > 0 ? "as asked by --threads" : "the processors that this process may use"},
      {"gemm_tile", {{"rows", tile.rows}, {"columns", tile.vectors * target.lanes()}}},
      {"l1d_bytes", target.l1Bytes()},
      {"l2_bytes", target.l2Bytes()},
      {"memory_bytes", page * static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES))},
      {"memory_free_bytes", page * static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES))},
      {"f32_peak_gflops_one_thread", one},
      {"f32_peak_gflops_all_threads", all},
      {"memory_read_gbps_all_threads", measureReadBandwidth(threads)},
      {"kernel_cache", cache},
      {"kernel_cache_bytes", folderBytes(cache)},
      {"cuda", "no device is used yet"},
      {"cuda_emulated",
       compiler.ok() ? "compiles with " + *compiler : std::string(compiler.status().message())},
  };
}

} // namespace

int runDoctor(const DoctorOptions &options) {
  Json report = collect(options);
  if (options.json) {
    std::printf("%s\n", report.dump(2).c_str());
    return 0;
  }
  auto text = [&](const char *key) { return report[key].get<std::string>(); };
  auto mebibytes = [&](const char *key) { return report[key].get<double>() / (1 << 20); };
  std::printf("processor   %s\n", text("processor").c_str());
  std::printf("target      %s: %s\n", text("target").c_str(), text("target_reason").c_str());
  std::printf("threads     %d: %s\n", report["threads"].get<int>(), text("threads_reason").c_str());
  std::printf("f32 peak    %.1f GFLOP/s on one thread, %.1f on %d (multiply-adds on registers)\n",
              report["f32_peak_gflops_one_thread"].get<double>(),
              report["f32_peak_gflops_all_threads"].get<double>(), report["threads"].get<int>());
  std::printf("gemm tile   %d rows x %d columns\n", report["gemm_tile"]["rows"].get<int>(),
              report["gemm_tile"]["columns"].get<int>());
  std::printf("caches      L1d %.0f KiB, L2 %.2g MiB a core\n", mebibytes("l1d_bytes") * 1024,
              mebibytes("l2_bytes"));
  double read = report["memory_read_gbps_all_threads"].get<double>();
  std::string speed = read > 0 ? absl::StrFormat("read at %.1f GB/s", read)
                               : std::string("too little of it to measure its speed");
  std::printf("memory      %.0f MiB, %.0f MiB free, %s\n", mebibytes("memory_bytes"),
              mebibytes("memory_free_bytes"), speed.c_str());
  std::printf("kernels     cached in %s (%.1f MiB)\n", text("kernel_cache").c_str(),
              mebibytes("kernel_cache_bytes"));
  std::printf("cuda        %s; --target cuda:emulated %s\n", text("cuda").c_str(),
              text("cuda_emulated").c_str());
  return 0;
}

} // namespace heddle::tools
