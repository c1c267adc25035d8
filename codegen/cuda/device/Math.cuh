// SPDX-License-Identifier: Apache-2.0
// Conversions and elementary functions. The approximate ones are within 2 ulp (ex2, lg2), 1 ulp
// (rcp), 2 ulp (rsqrt) or 2^-11 relative (tanh) on a device and correctly rounded on the host:
// results are compared with a tolerance.

/// Two f32 to two bf16, to nearest even; `low` goes to the low half (cvt.rn.bf16x2.f32).
#ifdef GK_DEVICE
GK_PURE u32 gk_bf16x2(float low, float high) {
  u32 r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}
#else
GK_PURE u32 gk_bf16_bits(float x) {
  u32 bits = gk_bits(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return 0x7fff; // the instruction's NaN
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}
GK_PURE u32 gk_bf16x2(float low, float high) {
  return gk_bf16_bits(low) | gk_bf16_bits(high) << 16;
}
#endif
/// One f32 to bf16, to nearest even.
GK_PURE u16 gk_bf16(float x) { return (u16)gk_bf16x2(x, 0.0f); }
/// bf16 to f32, exactly.
GK_PURE float gk_f32(u16 x) { return gk_from_bits((u32)x << 16); }
/// The low and the high half of a pair, exactly.
GK_PURE float gk_f32_low(u32 pair) { return gk_from_bits(pair << 16); }
GK_PURE float gk_f32_high(u32 pair) { return gk_from_bits(pair & 0xffff0000u); }

/// f32 to tf32 (10 bits of fraction), to nearest, ties away from zero (cvt.rna.tf32.f32).
#ifdef GK_DEVICE
GK_PURE u32 gk_tf32(float x) {
  u32 r;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
  return r;
}
#else
GK_PURE u32 gk_tf32(float x) {
  u32 bits = gk_bits(x);
  if ((bits & 0x7f800000u) != 0x7f800000u)
    bits += 0x1000;
  return bits & 0xffffe000u;
}
#endif

/// 2^x, log2 x, tanh x, 1/x, 1/sqrt x, sqrt x (ex2.approx.ftz, lg2.approx.ftz, tanh.approx,
/// rcp.approx.ftz, rsqrt.approx.ftz, sqrt.rn).
#ifdef GK_DEVICE
#define GK_MATH(name, instruction)                                                                 \
  GK_PURE float name(float x) {                                                                    \
    float y;                                                                                       \
    asm(instruction " %0, %1;" : "=f"(y) : "f"(x));                                                \
    return y;                                                                                      \
  }
GK_MATH(gk_ex2, "ex2.approx.ftz.f32")
GK_MATH(gk_lg2, "lg2.approx.ftz.f32")
GK_MATH(gk_tanh, "tanh.approx.f32")
GK_MATH(gk_rcp, "rcp.approx.ftz.f32")
GK_MATH(gk_rsqrt, "rsqrt.approx.ftz.f32")
GK_MATH(gk_sqrt, "sqrt.rn.f32")
#undef GK_MATH
#else
GK_CALL float gk_ex2(float x) { return gk_abi->math(gk_kExp2, x); }
GK_CALL float gk_lg2(float x) { return gk_abi->math(gk_kLog2, x); }
GK_CALL float gk_tanh(float x) { return gk_abi->math(gk_kTanh, x); }
GK_CALL float gk_rcp(float x) { return gk_abi->math(gk_kReciprocal, x); }
GK_CALL float gk_rsqrt(float x) { return gk_abi->math(gk_kReciprocalRoot, x); }
GK_CALL float gk_sqrt(float x) { return gk_abi->math(gk_kRoot, x); }
#endif

/// a * b + c with one rounding (fma.rn). Sums and products that are spelled + and * may be
/// contracted on a device: where bits matter, this says which.
#ifdef GK_DEVICE
GK_PURE float gk_fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
#else
GK_CALL float gk_fma(float a, float b, float c) { return gk_abi->fma(a, b, c); }
#endif
/// The greater and the smaller; of a NaN and a number, the number (max.f32, min.f32).
GK_PURE float gk_fmax(float a, float b) { return a != a ? b : (b != b || a > b) ? a : b; }
GK_PURE float gk_fmin(float a, float b) { return a != a ? b : (b != b || a < b) ? a : b; }
