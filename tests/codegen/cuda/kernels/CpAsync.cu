// SPDX-License-Identifier: Apache-2.0
// cp.async: each thread copies chunks of 16, 8 and 4 bytes, of which only some bytes are valid.
template <int kBytes> GK_FUNCTION void copy(u32 address, const u8 *source, u32 valid) {
  if constexpr (kBytes == 16)
    gk_cp_async_16(address, source, valid);
  else if constexpr (kBytes == 8)
    gk_cp_async_8(address, source, valid);
  else
    gk_cp_async_4(address, source, valid);
}

/// dst[n - 1 - i] = the first valid[i] bytes of src[i], for n chunks of kBytes.
template <int kBytes>
GK_FUNCTION void copyChunks(const u8 *src, u8 *dst, const int *valid, int n) {
  u32 base = gk_shared_address(gk_shared());
  for (int i = gk_thread(); i < n; i += gk_threads())
    copy<kBytes>(base + i * kBytes, src + i * kBytes, valid[i]);
  gk_cp_async_commit();
  gk_cp_async_wait<0>();
  gk_syncthreads();
  const u32 *words = (const u32 *)gk_shared();
  for (int i = gk_thread(); i < n; i += gk_threads())
    for (int w = 0; w < kBytes / 4; w++)
      ((u32 *)dst)[i * (kBytes / 4) + w] = words[(n - 1 - i) * (kBytes / 4) + w];
}

GK_KERNEL(128, 1) cp_async_16(const u8 *src, u8 *dst, const int *valid, int n) {
  copyChunks<16>(src, dst, valid, n);
}
GK_EXPORT(cp_async_16)
GK_KERNEL(128, 1) cp_async_8(const u8 *src, u8 *dst, const int *valid, int n) {
  copyChunks<8>(src, dst, valid, n);
}
GK_EXPORT(cp_async_8)
GK_KERNEL(128, 1) cp_async_4(const u8 *src, u8 *dst, const int *valid, int n) {
  copyChunks<4>(src, dst, valid, n);
}
GK_EXPORT(cp_async_4)
