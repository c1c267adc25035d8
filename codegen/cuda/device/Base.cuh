// SPDX-License-Identifier: Apache-2.0
// The vocabulary of generated kernels. A kernel's text spells only what these files define, and has
// two readers: NVRTC, for which each gk_* is one instruction in PTX, and a C++ compiler of the host,
// for which it is a call into the emulator (runtime/cuda/emulator/EmulatorAbi.h). Each function is
// declared once, with both bodies, so that the two cannot drift apart.
//
// Words used below: lane = thread % 32, g = lane / 4, t = lane % 4, w = warp in its warpgroup.
// "Shared address": a u32 in the shared window (gk_shared_address). PTX sections are named by their
// instruction in the PTX ISA, version 8.

#ifdef __CUDACC_RTC__
#define GK_DEVICE 1
#define GK_SM90 (__CUDA_ARCH__ >= 900)
#else
#define GK_SM90 1
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

// GK_CALL: an instruction. GK_PURE: arithmetic on values alone. GK_FUNCTION: a helper function that
// a kernel's own text defines.
#ifdef GK_DEVICE
#define GK_CALL static __device__ __forceinline__
#define GK_PURE static __device__ __forceinline__
#define GK_FUNCTION static __device__ __forceinline__
#define GK_UNROLL _Pragma("unroll")
#else
// Not inlined: the return address is then a place in the kernel's text, whatever the optimiser does.
#define GK_CALL static __attribute__((noinline, unused, no_sanitize("thread")))
#define GK_PURE static inline __attribute__((always_inline, unused))
#define GK_FUNCTION static inline __attribute__((unused))
#define GK_UNROLL
#define GK_PC __builtin_return_address(0)
#endif

/// A tensor map as the driver (cuTensorMapEncodeTiled) or the emulator (TensorMap.h) writes it.
/// Kernels take it as a parameter: GK_TENSOR_MAP name.
struct alignas(64) gk_TensorMap {
  u8 bytes[128];
};

// Sixteen bytes that one instruction loads or stores.
struct alignas(16) gk_u32x4 {
  u32 x, y, z, w;
};
struct alignas(16) gk_f32x4 {
  float x, y, z, w;
};
struct alignas(8) gk_f32x2 {
  float x, y;
};

// GK_KERNEL(threads, blocks) name(parameters) {...} GK_EXPORT(name): a kernel of at most `threads`
// threads a block, of which `blocks` shall fit a multiprocessor. GK_EXPORT stands after it.
#ifdef GK_DEVICE
#define GK_TENSOR_MAP const __grid_constant__ gk_TensorMap
#define GK_KERNEL(threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks)
#define GK_EXPORT(name)
#else
#define GK_TENSOR_MAP const gk_TensorMap
#define GK_KERNEL(threads, blocks) static void
template <class T> struct gk_Value {
  typedef T type;
};
template <class T> struct gk_Value<const T> {
  typedef T type;
};
template <int... I> struct gk_Indices {};
template <class... A, int... I>
GK_CALL void gk_call(void (*kernel)(A...), void **parameters, gk_Indices<I...>) {
  kernel(*static_cast<typename gk_Value<A>::type *>(parameters[I])...);
}
template <class... A> GK_CALL void gk_launch(void (*kernel)(A...), void **parameters) {
  gk_call(kernel, parameters, typename gk_MakeIndices<sizeof...(A)>::type());
}
// The parameters are those of cuLaunchKernel: a pointer to each value.
#define GK_EXPORT(name)                                                                            \
  extern "C" __attribute__((visibility("default"))) void name##__launch(void **parameters) {       \
    gk_launch(name, parameters);                                                                   \
  }
#endif

// Who asks. Blocks are one-dimensional, grids may have three dimensions.
#ifdef GK_DEVICE
GK_PURE u32 gk_thread() { return threadIdx.x; }
GK_PURE u32 gk_threads() { return blockDim.x; }
GK_PURE u32 gk_block_x() { return blockIdx.x; }
GK_PURE u32 gk_block_y() { return blockIdx.y; }
GK_PURE u32 gk_block_z() { return blockIdx.z; }
GK_PURE u32 gk_blocks_x() { return gridDim.x; }
GK_PURE u32 gk_blocks_y() { return gridDim.y; }
GK_PURE u32 gk_blocks_z() { return gridDim.z; }
#else
// A fiber's ids never change, so that the compiler may keep the pointer.
__attribute__((const)) GK_CALL const gk_Ids *gk_ids() { return gk_abi->ids(); }
GK_CALL u32 gk_thread() { return gk_ids()->thread; }
GK_CALL u32 gk_threads() { return gk_ids()->threads; }
GK_CALL u32 gk_block_x() { return gk_ids()->block[0]; }
GK_CALL u32 gk_block_y() { return gk_ids()->block[1]; }
GK_CALL u32 gk_block_z() { return gk_ids()->block[2]; }
GK_CALL u32 gk_blocks_x() { return gk_ids()->blocks[0]; }
GK_CALL u32 gk_blocks_y() { return gk_ids()->blocks[1]; }
GK_CALL u32 gk_blocks_z() { return gk_ids()->blocks[2]; }
#endif
GK_PURE u32 gk_lane() { return gk_thread() & 31; }

/// The block's shared memory, 1024-byte aligned; its size is the launch's. Kernels lay out all they
/// share in it: arrays declared __shared__ do not exist on the host.
#ifdef GK_DEVICE
extern __shared__ __align__(1024) u8 gk_shared_memory[];
GK_PURE u8 *gk_shared() { return gk_shared_memory; }
#else
__attribute__((const)) GK_CALL u8 *gk_shared() { return gk_abi->sharedBase(); }
#endif

/// The shared address of a pointer into the block's shared memory (cvta.to.shared).
#ifdef GK_DEVICE
GK_PURE u32 gk_shared_address(const void *p) { return (u32)__cvta_generic_to_shared(p); }
#else
GK_CALL u32 gk_shared_address(const void *p) { return gk_abi->sharedAddress(p); }
#endif

GK_PURE u32 gk_bits(float x) { return __builtin_bit_cast(u32, x); }
GK_PURE float gk_from_bits(u32 bits) { return __builtin_bit_cast(float, bits); }
GK_PURE float gk_infinity() { return gk_from_bits(0x7f800000u); }
GK_PURE int gk_min(int a, int b) { return a < b ? a : b; }
GK_PURE int gk_max(int a, int b) { return a > b ? a : b; }

/// A whole T of 2, 4, 8 or 16 bytes in one access, through an ordinary pointer to global or shared
/// memory that is a multiple of its size (ld, st). Plain C++ does the same where a compiler wants to;
/// here the emulator holds the kernel to the alignment.
template <class T> GK_CALL T gk_load(const T *p) {
#ifndef GK_DEVICE
  gk_abi->access(GK_PC, p, sizeof(T), gk_kRead);
#endif
  return *p;
}
template <class T> GK_CALL void gk_store(T *p, const T &value) {
#ifndef GK_DEVICE
  gk_abi->access(GK_PC, p, sizeof(T), gk_kWrite);
#endif
  *p = value;
}
