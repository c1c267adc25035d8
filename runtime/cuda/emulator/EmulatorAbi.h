// SPDX-License-Identifier: Apache-2.0
// What a CUDA kernel that was compiled for the host calls: one table of functions, which the
// emulator writes into the kernel's object when it loads it, so that nothing is looked up by name
// and no symbol of a process can come between. The compiler embeds this file in front of a kernel's
// text (codegen/cuda/DeviceHeader.h); it therefore includes nothing.
//
// `pc` is an address in the kernel's text, from which a report takes its line. Addresses `u32` are
// those of the shared window, as `cvta.to.shared` gives them on a device. Everything here is called
// by the fiber of one CUDA thread and may switch to others before it returns.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_EMULATORABI_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_EMULATORABI_H

extern "C" {

enum { gk_kEmulatorAbiVersion = 1 };

/// Who a CUDA thread is. Constant over its life.
struct gk_Ids {
  unsigned thread, threads; ///< in its block
  unsigned block[3], blocks[3];
  unsigned clusterRank, clusterSize;
};

enum gk_Access { gk_kRead = 0, gk_kWrite = 1, gk_kMayBeUnaligned = 2 };
enum gk_ShuffleMode { gk_kShuffleXor, gk_kShuffleIndex, gk_kShuffleUp, gk_kShuffleDown };
enum gk_MathFunction { gk_kExp2, gk_kLog2, gk_kTanh, gk_kReciprocal, gk_kReciprocalRoot, gk_kRoot };

/// One wgmma of a warpgroup, as a thread of it issues it.
struct gk_WgmmaCall {
  float *accumulator;    ///< columns / 2 values of this thread
  unsigned columns;      ///< N
  unsigned elementBytes; ///< 2: bf16, K 16; 4: tf32, K 8
  const unsigned *a;     ///< four registers, or null: descriptorA
  unsigned long long descriptorA, descriptorB;
  int transposeA, transposeB; ///< 1: MN-major
  int accumulate;             ///< 0: the accumulator's content is ignored
};

struct gk_EmulatorAbi {
  unsigned version;
  const gk_Ids *(*ids)();
  unsigned char *(*sharedBase)();
  unsigned (*sharedAddress)(const void *pointer);

  /// Before each load and store that the kernel's text spells as such. kind: gk_Access bits.
  void (*access)(const void *pc, const void *address, unsigned long long bytes, int kind);

  // A warp together.
  void (*warpSync)(const void *pc);
  unsigned (*shuffle)(const void *pc, unsigned value, int mode, unsigned argument);
  void (*ldmatrix)(const void *pc, unsigned *registers, int count, unsigned address, int transpose);
  void (*stmatrix)(const void *pc, const unsigned *registers, int count, unsigned address,
                   int transpose);
  void (*mma)(const void *pc, float *c, const unsigned *a, const unsigned *b, int elementBytes);

  // Shared memory by address; rank -1 is the thread's own block.
  void (*loadShared)(const void *pc, void *values, unsigned address, int rank, unsigned bytes);
  void (*storeShared)(const void *pc, const void *values, unsigned address, int rank,
                      unsigned bytes);
  void (*cpAsync)(const void *pc, unsigned address, const void *source, unsigned bytes,
                  unsigned valid);
  void (*cpAsyncCommit)(const void *pc);
  void (*cpAsyncWait)(const void *pc, int pending);

  // Barriers. threads 0: the whole block.
  void (*barrier)(const void *pc, unsigned id, unsigned threads, int wait);
  void (*clusterBarrier)(const void *pc);
  void (*mbarrierInit)(const void *pc, unsigned address, unsigned count);
  void (*mbarrierInitFence)(const void *pc);
  void (*mbarrierArrive)(const void *pc, unsigned address, int rank, unsigned expectedBytes);
  void (*mbarrierWait)(const void *pc, unsigned address, unsigned parity);
  void (*proxyFence)(const void *pc);

  // Bulk copies. mask 0: the block's own shared memory; size: of a 1-D copy, which has no map.
  void (*tmaLoad)(const void *pc, unsigned address, const void *map, unsigned mbarrier, int rank,
                  const int *coordinates, unsigned mask);
  void (*bulkLoad)(const void *pc, unsigned address, const void *source, unsigned bytes,
                   unsigned mbarrier);
  void (*tmaStore)(const void *pc, const void *map, unsigned address, int rank,
                   const int *coordinates, int add);
  void (*bulkStore)(const void *pc, void *target, unsigned address, unsigned bytes);
  void (*bulkCommit)(const void *pc);
  void (*bulkWait)(const void *pc, int pending, int readOnly);

  // A warpgroup together.
  void (*wgmma)(const void *pc, const gk_WgmmaCall *call);
  void (*wgmmaFence)(const void *pc);
  void (*wgmmaCommit)(const void *pc);
  void (*wgmmaWait)(const void *pc, int pending);

  // Global memory.
  unsigned (*atomicAdd)(const void *pc, unsigned *target, unsigned value);
  float (*atomicAddFloat)(const void *pc, float *target, float value);

  float (*math)(int function, float x);
  float (*fma)(float a, float b, float c);
};

} // extern "C"

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_EMULATORABI_H
