// SPDX-License-Identifier: Apache-2.0
// What concerns the whole grid: atomics on global memory, the tile counter, dependent launches; and
// the registers of a warpgroup.

/// Adds and returns what was there (atom.global.add). Sums of floats in this way depend on timing:
/// only where results need not be reproducible.
GK_CALL u32 gk_atomic_add(u32 *target, u32 value) {
#ifdef GK_DEVICE
  return atomicAdd(target, value);
#else
  return gk_abi->atomicAdd(GK_PC, target, value);
#endif
}
GK_CALL float gk_atomic_add(float *target, float value) {
#ifdef GK_DEVICE
  return atomicAdd(target, value);
#else
  return gk_abi->atomicAddFloat(GK_PC, target, value);
#endif
}

/// The next tile of `total`, or -1 when all are taken. `counter` is two words of global memory that
/// are zero before the first launch; every block calls gk_tiles_done once when it got -1, and the
/// last of them makes the words zero for the next launch.
GK_FUNCTION int gk_next_tile(u32 *counter, int total) {
  int tile = (int)gk_atomic_add(counter, 1u);
  return tile < total ? tile : -1;
}
GK_FUNCTION void gk_tiles_done(u32 *counter) {
  if (gk_atomic_add(counter + 1, 1u) == gk_blocks_x() - 1) {
    counter[0] = 0;
    counter[1] = 0;
    gk_threadfence();
  }
}

#if GK_SM90
/// Gives the calling warpgroup N registers a thread, 24 to 256 and a multiple of 8, more or fewer
/// than at launch. All its warps call it; the kernel has a launch bound (setmaxnreg.sync.aligned).
template <int N> GK_CALL void gk_registers_increase() {
  static_assert(N % 8 == 0 && N >= 24 && N <= 256, "setmaxnreg: 24 to 256, a multiple of 8");
#ifdef GK_DEVICE
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
#endif
}
template <int N> GK_CALL void gk_registers_decrease() {
  static_assert(N % 8 == 0 && N >= 24 && N <= 256, "setmaxnreg: 24 to 256, a multiple of 8");
#ifdef GK_DEVICE
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
#endif
}

/// With programmatic dependent launch: waits for the kernels before this one (griddepcontrol.wait).
GK_CALL void gk_grid_wait() {
#ifdef GK_DEVICE
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Lets the kernel after this one start (griddepcontrol.launch_dependents).
GK_CALL void gk_grid_launch_next() {
#ifdef GK_DEVICE
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
#endif
