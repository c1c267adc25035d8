// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/Dropout.h"

#include <cmath>

#include "codegen/cpu/IrHelpers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

Value scalar(ImplicitLocOpBuilder &b, uint32_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

/// Philox4x32-10 with each word in the low half of an i64: a product of 32-bit numbers is then one
/// instruction, and its halves need no shuffle. The high halves hold anything.
class Philox {
public:
  Philox(ImplicitLocOpBuilder &b, VectorType type) : b_(b), type_(type) {}

  Value constant(uint64_t value) {
    return arith::ConstantOp::create(b_,
                                     DenseElementsAttr::get(type_, static_cast<int64_t>(value)));
  }
  Value spread(Value word) {
    return broadcast(b_, type_.getNumElements(), arith::ExtUIOp::create(b_, b_.getI64Type(), word));
  }
  Value low(Value x) { return arith::AndIOp::create(b_, x, constant(0xFFFFFFFF)); }
  Value high(Value x) { return arith::ShRUIOp::create(b_, x, constant(32)); }

  /// Word 0 after ten rounds.
  Value word0(ValueRange counter, Value keyLow, Value keyHigh) {
    SmallVector<Value> state(counter);
    state.append({keyLow, keyHigh});
    // A loop: the code stays small. The last round is done apart, for the one word.
    state = forLoop(b_, constantIndex(b_, 0), constantIndex(b_, 9), 1, state,
                    [&](Value, ValueRange s) { return round(s); });
    return first(product(state[2], kFactor2), state);
  }

private:
  static constexpr uint64_t kFactor0 = 0xD2511F53, kFactor2 = 0xCD9E8D57;

  Value product(Value x, uint64_t factor) {
    return arith::MulIOp::create(b_, low(x), constant(factor));
  }
  Value exclusiveOr(Value x, Value y, Value z) {
    return arith::XOrIOp::create(b_, arith::XOrIOp::create(b_, x, y), z);
  }
  Value first(Value product2, ValueRange s) {
    return exclusiveOr(high(product2), s[1], spread(s[4]));
  }
  SmallVector<Value> round(ValueRange s) {
    Value product0 = product(s[0], kFactor0), product2 = product(s[2], kFactor2);
    return {first(product2, s),
            product2,
            exclusiveOr(high(product0), s[3], spread(s[5])),
            product0,
            arith::AddIOp::create(b_, s[4], scalar(b_, 0x9E3779B9)),
            arith::AddIOp::create(b_, s[5], scalar(b_, 0xBB67AE85))};
  }

  ImplicitLocOpBuilder &b_;
  VectorType type_;
};

} // namespace

RngWords loadRngWords(ImplicitLocOpBuilder &b, Value rng) {
  auto word = [&](int64_t i) { return loadScalar(b, rng, constantIndex(b, i)); };
  auto low = [&](Value v) -> Value { return arith::TruncIOp::create(b, b.getI32Type(), v); };
  auto shift = [&](int64_t bits) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(bits));
  };
  Value seed = word(0);
  RngWords words;
  words.keyLow = low(seed);
  words.keyHigh = low(arith::ShRUIOp::create(b, seed, shift(32)));
  words.microBatch = low(arith::ShLIOp::create(b, word(2), shift(16)));
  words.step = low(word(1));
  return words;
}

Value emitElementNumbers(ImplicitLocOpBuilder &b, int64_t lanes, Value first, int64_t stride) {
  auto type = VectorType::get({lanes}, b.getI64Type());
  SmallVector<int64_t> numbers(lanes);
  for (int64_t i = 0; i < lanes; ++i)
    numbers[i] = i * stride;
  Value steps =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
  Value start = arith::IndexCastOp::create(b, b.getI64Type(), first);
  return arith::AddIOp::create(b, broadcast(b, lanes, start), steps);
}

Value emitDropoutKeep(ImplicitLocOpBuilder &b, Value elements, const RngWords &rng, double p,
                      int64_t rngId) {
  Philox philox(b, cast<VectorType>(elements.getType()));
  Value third = arith::OrIOp::create(b, rng.microBatch, scalar(b, static_cast<uint32_t>(rngId)));
  Value word =
      philox.word0({elements, philox.high(elements), philox.spread(third), philox.spread(rng.step)},
                   rng.keyLow, rng.keyHigh);
  // u = (word >> 8) 2^-24 >= p, in integers.
  Value u = arith::ShRUIOp::create(b, philox.low(word), philox.constant(8));
  auto threshold = static_cast<uint64_t>(std::ceil(std::ldexp(p, 24)));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, u, philox.constant(threshold));
}

} // namespace heddle::codegen
