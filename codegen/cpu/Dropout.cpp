// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/Dropout.h"

#include <cmath>

#include "codegen/cpu/IrHelpers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Vectors of i32.
struct Words {
  Value v[4];
};

Value scalar(ImplicitLocOpBuilder &b, uint32_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value exclusiveOr(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::XOrIOp::create(b, x, y);
}

/// Word 0 of Philox4x32-10. The rounds are a loop: the code stays small.
Value philoxWord0(ImplicitLocOpBuilder &b, int64_t lanes, Words counter, Value keyLow,
                  Value keyHigh) {
  SmallVector<Value> state(counter.v, counter.v + 4);
  state.push_back(keyLow);
  state.push_back(keyHigh);
  Value factor0 = broadcast(b, lanes, scalar(b, 0xD2511F53));
  Value factor2 = broadcast(b, lanes, scalar(b, 0xCD9E8D57));
  auto round = [&](Value, ValueRange s) {
    auto first = arith::MulUIExtendedOp::create(b, s[0], factor0);
    auto third = arith::MulUIExtendedOp::create(b, s[2], factor2);
    Value low = broadcast(b, lanes, s[4]), high = broadcast(b, lanes, s[5]);
    return SmallVector<Value>{
        exclusiveOr(b, exclusiveOr(b, third.getHigh(), s[1]), low),
        third.getLow(),
        exclusiveOr(b, exclusiveOr(b, first.getHigh(), s[3]), high),
        first.getLow(),
        arith::AddIOp::create(b, s[4], scalar(b, 0x9E3779B9)),
        arith::AddIOp::create(b, s[5], scalar(b, 0xBB67AE85)),
    };
  };
  return forLoop(b, constantIndex(b, 0), constantIndex(b, 10), 1, state, round)[0];
}

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
  auto wide = cast<VectorType>(elements.getType());
  int64_t lanes = wide.getNumElements();
  auto type = VectorType::get({lanes}, b.getI32Type());
  Value shift = arith::ConstantOp::create(b, DenseElementsAttr::get(wide, int64_t{32}));
  Value high = arith::ShRUIOp::create(b, elements, shift);
  Value third = arith::OrIOp::create(b, rng.microBatch, scalar(b, static_cast<uint32_t>(rngId)));
  Words counter = {{arith::TruncIOp::create(b, type, elements),
                    arith::TruncIOp::create(b, type, high), broadcast(b, lanes, third),
                    broadcast(b, lanes, rng.step)}};
  Value word = philoxWord0(b, lanes, counter, rng.keyLow, rng.keyHigh);
  // u = (word >> 8) 2^-24 >= p, in integers.
  auto constant = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
  };
  Value u = arith::ShRUIOp::create(b, word, constant(8));
  auto threshold = static_cast<int32_t>(std::ceil(std::ldexp(p, 24)));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, u, constant(threshold));
}

} // namespace heddle::codegen
