// SPDX-License-Identifier: Apache-2.0
// The elementwise ops of the dialect (ir/ElementwiseOps.td) on f32 numbers, within a few units in
// the last place, NaN and infinity where the op gives them. The fits are those of
// codegen/cpu/MathEmitter.cpp, where their intervals and errors stand.

// GK_TABLE(type, name) = {...}: numbers that a kernel reads and nobody writes.
#ifdef GK_DEVICE
#define GK_TABLE(type, name) __constant__ const type name[]
#else
#define GK_TABLE(type, name) static const type name[]
#endif

/// a + b x + c x^2 + ..., the highest coefficient first.
template <int N> GK_FUNCTION float gk_polynomial(float x, const float (&highestFirst)[N]) {
  float sum = highestFirst[0];
  GK_UNROLL for (int i = 1; i < N; ++i) sum = gk_fma(sum, x, highestFirst[i]);
  return sum;
}

/// Within [low, high]; NaN stays.
GK_PURE float gk_clamp(float x, float low, float high) {
  x = x > high ? high : x;
  return x < low ? low : x;
}
GK_PURE float gk_abs(float x) { return gk_from_bits(gk_bits(x) & 0x7fffffffu); }
GK_PURE float gk_copysign(float magnitude, float sign) {
  return gk_from_bits((gk_bits(magnitude) & 0x7fffffffu) | (gk_bits(sign) & 0x80000000u));
}
/// 2^exponent; -127 gives 0 and 128 infinity.
GK_PURE float gk_power_of_two(int exponent) { return gk_from_bits((u32)(exponent + 127) << 23); }

/// x = exponent ln 2 + rest, |rest| <= ln 2 / 2.
struct gk_Reduced {
  int exponent;
  float rest;
};
GK_FUNCTION gk_Reduced gk_reduce(float x) {
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const float shifted = gk_fma(x, 1.44269504f, 12582912.0f);
  const float rounded = shifted - 12582912.0f;
  float rest = gk_fma(rounded, -0.693359375f, x);
  rest = gk_fma(rounded, 2.12194440e-4f, rest);
  return {(int)(gk_bits(shifted) - 0x4b400000u), rest};
}
/// e^rest.
GK_FUNCTION float gk_exp_rest(float rest) {
  const float c[] = {0.00138131439f, 0.00836941883f, 0.0416684568f, 0.166665148f, 0.499999931f};
  return gk_fma(rest * rest, gk_polynomial(rest, c), rest) + 1.0f;
}
GK_FUNCTION float gk_exp(float x) {
  const gk_Reduced r = gk_reduce(gk_clamp(x, -104.5f, 89.0f));
  // Two factors: the exponent may lie outside of what one f32 holds.
  const int half = r.exponent >> 1;
  return gk_exp_rest(r.rest) * gk_power_of_two(half) * gk_power_of_two(r.exponent - half);
}
/// e^(x + correction), with zero in place of subnormal results.
GK_FUNCTION float gk_exp_flushed(float x, float correction = 0.0f) {
  const gk_Reduced r = gk_reduce(gk_clamp(x, -88.0f, 88.5f));
  return gk_exp_rest(r.rest + correction) * gk_power_of_two(r.exponent);
}

GK_FUNCTION float gk_log(float x) {
  const float c[] = {0.0691558286f, -0.117898833f, 0.118729154f, -0.12384331f, 0.142186648f,
                     -0.166692521f, 0.200022263f,  -0.249999866f, 0.333333104f};
  if (x != x || x < 0.0f)
    return gk_from_bits(0x7fc00000u);
  if (x == 0.0f)
    return -gk_infinity();
  if (x == gk_infinity())
    return x;
  // Subnormal numbers have no leading one: scale them up.
  const bool tiny = x < 1.17549435e-38f;
  const int bits = (int)gk_bits(tiny ? x * 8388608.0f : x);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)).
  const int exponent = (bits - 0x3f3504f3) >> 23;
  const float f = gk_from_bits((u32)bits - ((u32)exponent << 23)) - 1.0f;
  const float e = (float)exponent - (tiny ? 23.0f : 0.0f);
  const float square = f * f;
  float y = square * f * gk_polynomial(f, c);
  y = gk_fma(e, -2.12194440e-4f, y);
  y = gk_fma(square, -0.5f, y);
  return gk_fma(e, 0.693359375f, f + y);
}

GK_FUNCTION float gk_tanh_exact(float x) {
  // tanh a = (e^2a - 1) / (e^2a + 1); e^2a - 1 without cancellation. tanh 10 rounds to 1.
  const float c[] = {0.00019915622f, 0.00139420460f, 0.00833327063f,
                     0.0416663421f,  0.166666668f,   0.500000005f};
  const gk_Reduced r = gk_reduce(2.0f * gk_clamp(gk_abs(x), 0.0f, 10.0f));
  const float q = gk_fma(r.rest * r.rest, gk_polynomial(r.rest, c), r.rest);
  const float scale = gk_power_of_two(r.exponent);
  const float m = gk_fma(scale, q, scale - 1.0f);
  return x != x ? x : gk_copysign(m / (m + 2.0f), x);
}

GK_FUNCTION float gk_erf(float x) {
  const float inner[] = {7.85385995e-5f, -0.000801019328f, 0.00518832764f, -0.0268538119f,
                         0.112835851f,   -0.376126258f,    1.12837917f};
  const float tail[] = {2.06302632e-10f,  -1.3859361e-8f,   4.22080725e-7f, -7.73238042e-6f,
                        9.5447949e-5f,    -0.00084399595f,  0.00556064129f, -0.0281285429f,
                        0.112449108f,     -0.370225891f,    1.1312375f,     -0.000531437665f};
  const float a = gk_abs(x);
  if (a < 1.0f)
    return x * gk_polynomial(x * x, inner);
  const float b = gk_clamp(a, 1.0f, 10.0f);
  return gk_copysign(1.0f - gk_exp_flushed(-gk_fma(b, b, gk_polynomial(b, tail))), x);
}

GK_FUNCTION float gk_sigmoid(float x) { return 1.0f / (1.0f + gk_exp_flushed(-x)); }
GK_FUNCTION float gk_rsqrt_exact(float x) { return 1.0f / gk_sqrt(x); }
/// The greater and the smaller; NaN if either is.
GK_PURE float gk_maximum(float a, float b) { return a != a ? a : b != b ? b : a > b ? a : b; }
GK_PURE float gk_minimum(float a, float b) { return a != a ? a : b != b ? b : a < b ? a : b; }

GK_PURE float gk_relu(float x) { return x < 0.0f ? 0.0f : x; }
GK_PURE float gk_relu_grad(float x, float dy) { return x > 0.0f ? dy : 0.0f; }
GK_FUNCTION float gk_silu(float x) { return x * gk_sigmoid(x); }
GK_FUNCTION float gk_silu_grad(float x, float dy) {
  const float s = gk_sigmoid(x);
  // Where s is 0 or 1 the product x (1 - s) s has long vanished; keep infinity out of it.
  return dy * (s * gk_fma(gk_clamp(x, -1e4f, 1e4f), 1.0f - s, 1.0f));
}

/// P(X <= x) of the normal distribution, and e^(-x^2 / 2).
struct gk_Normal {
  float below, gaussian;
};
GK_FUNCTION gk_Normal gk_normal(float x) {
  const float c[] = {-0.0206234623f, 0.112435561f, -0.22821344f, 0.19178429f,  -0.0794232964f,
                     0.0961567248f,  0.0783896857f, 0.110235421f, 0.119571819f, 0.119686695f};
  // e^(-x^2 / 2) has as many digits as x^2 / 2 has behind the point: it takes x^2 in two parts.
  const float a = gk_clamp(gk_abs(x), 0.0f, 14.5f);
  const float high = a * a, low = gk_fma(a, a, -high);
  const float gaussian = gk_exp_flushed(-0.5f * high, -0.5f * low);
  const float t = 1.0f / gk_fma(a, 0.3f, 1.0f);
  const float tail = gaussian * (t * gk_polynomial(t, c));
  return {x < 0.0f ? tail : 1.0f - tail, gaussian};
}
/// 2 sqrt(2 / pi) (x + 0.044715 x^3): 0.5 (1 + tanh u) is sigmoid(2 u).
GK_FUNCTION float gk_gelu_argument(float x) {
  return x * gk_fma(x * x, 0.0713548163f, 1.59576912f);
}
GK_FUNCTION float gk_gelu(float x) { return x * gk_normal(x).below; }
GK_FUNCTION float gk_gelu_tanh(float x) { return x * gk_sigmoid(gk_gelu_argument(x)); }
GK_FUNCTION float gk_gelu_grad(float x, float dy) {
  // Beyond the limits the derivative is 0 or 1; squares of larger numbers would overflow.
  const float t = gk_clamp(x, -1e4f, 1e4f);
  const gk_Normal normal = gk_normal(t);
  return dy * gk_fma(t, 0.39894228f * normal.gaussian, normal.below);
}
GK_FUNCTION float gk_gelu_tanh_grad(float x, float dy) {
  const float t = gk_clamp(x, -1e4f, 1e4f);
  const float s = gk_sigmoid(gk_gelu_argument(t));
  const float slope = gk_fma(t * t, 0.214064449f, 1.59576912f);
  return dy * (s + s * (1.0f - s) * (t * slope));
}

/// Toward zero; what does not fit saturates, NaN is 0.
GK_FUNCTION int gk_to_i32(float x) {
  if (x != x)
    return 0;
  return x >= 2147483648.0f ? 2147483647 : x <= -2147483648.0f ? -2147483647 - 1 : (int)x;
}
GK_FUNCTION long long gk_to_i64(float x) {
  if (x != x)
    return 0;
  const long long most = 9223372036854775807ll;
  return x >= 9.2233720e18f ? most : x <= -9.2233720e18f ? -most - 1 : (long long)x;
}

/// The state of the random numbers: i64 seed, step, micro-batch (ir/ElementwiseOps.td, dropout).
struct gk_Rng {
  u32 keyLow, keyHigh, step, microBatch;
};
GK_FUNCTION gk_Rng gk_rng(const long long *state) {
  const u64 seed = (u64)state[0];
  return {(u32)seed, (u32)(seed >> 32), (u32)state[1], (u32)((u64)state[2] << 16)};
}
/// Whether dropout keeps the element: word 0 of Philox4x32-10 as 24 bits is at least `threshold`,
/// the least of them that is at least p.
GK_FUNCTION bool gk_keep(const gk_Rng &rng, u32 rngId, u64 element, u32 threshold) {
  u32 c0 = (u32)element, c1 = (u32)(element >> 32), c2 = rng.microBatch | rngId, c3 = rng.step;
  u32 k0 = rng.keyLow, k1 = rng.keyHigh;
  GK_UNROLL for (int round = 0; round < 10; ++round) {
    const u64 a = 0xd2511f53ull * c0, b = 0xcd9e8d57ull * c2;
    c0 = (u32)(b >> 32) ^ c1 ^ k0;
    c1 = (u32)b;
    c2 = (u32)(a >> 32) ^ c3 ^ k1;
    c3 = (u32)a;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return (c0 >> 8) >= threshold;
}

/// cos and sin of an angle in f64, each times `scale`, as f32.
struct gk_Turn {
  float cosine, sine;
};
GK_FUNCTION gk_Turn gk_turn(double angle, double scale) {
  // angle = n pi/2 + r, |r| <= pi/4, with pi/2 in three parts: exact for |n| < 2^20 and closer than
  // an f32 needs far beyond.
  const double rounder = 6755399441055744.0; // 1.5 * 2^52
  const double shifted = angle * 0.63661977236758134 + rounder;
  const double n = shifted - rounder;
  const u32 quarter = (u32)__builtin_bit_cast(u64, shifted) & 3;
  double r = angle - n * 1.5707963267341256;
  r -= n * 6.077100506303966e-11;
  r -= n * 2.0222662487959506e-21;
  const double q = r * r;
  const double s = r + r * q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q * (1.0 / 362880 + q * (-1.0 / 39916800)))));
  const double c = 1.0 + q * (-0.5 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 + q * (-1.0 / 3628800 + q * (1.0 / 479001600))))));
  const double sine = quarter & 1 ? c : s, cosine = quarter & 1 ? s : c;
  return {(float)((quarter == 1 || quarter == 2 ? -cosine : cosine) * scale),
          (float)((quarter >= 2 ? -sine : sine) * scale)};
}

GK_FUNCTION double gk_sqrt_f64(double x) {
  double y;
#ifdef GK_DEVICE
  asm("sqrt.rn.f64 %0, %1;" : "=d"(y) : "d"(x));
#else
  asm("sqrtsd %1, %0" : "=x"(y) : "x"(x));
#endif
  return y;
}
