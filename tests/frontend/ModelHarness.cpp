// SPDX-License-Identifier: Apache-2.0
#include "tests/frontend/ModelHarness.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "ir/Conventions.h"
#include "runtime/io/Textproto.h"

namespace heddle::test {

std::string sourceDir() {
  const char *folder = std::getenv("HEDDLE_SOURCE_DIR");
  return folder ? folder : ".";
}

std::string goldenFolder(const std::string &name) { return sourceDir() + "/tests/goldens/" + name; }

frontend::proto::ModelDef parseModel(const std::string &text) {
  frontend::proto::ModelDef definition;
  Status parsed = runtime::parseTextproto(text, "test", definition);
  EXPECT_TRUE(parsed.ok()) << parsed;
  return definition;
}

ir::TensorRef ints(std::vector<int64_t> shape, const std::vector<int64_t> &values) {
  return std::make_shared<ir::Tensor>(ir::Tensor::ofInts(std::move(shape), values));
}

ir::TensorRef toInterpreter(const runtime::TensorView &view) {
  const auto count = static_cast<size_t>(view.elements());
  auto at = [&]<typename T>(size_t i, T value) {
    std::memcpy(&value, view.data + i * sizeof(T), sizeof(T));
    return value;
  };
  if (view.dtype() == DType::I64 || view.dtype() == DType::I32) {
    std::vector<int64_t> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = view.dtype() == DType::I64 ? at(i, int64_t{}) : at(i, int32_t{});
    return std::make_shared<ir::Tensor>(ir::Tensor::ofInts(view.shape(), values));
  }
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = view.dtype() == DType::F64 ? at(i, double{}) : at(i, float{});
  return std::make_shared<ir::Tensor>(
      ir::Tensor::ofFloats(view.shape(), values, ir::ElementKind::f64));
}

Feed readTensors(const std::string &path) {
  Feed feed;
  auto weights = runtime::Weights::open(runtime::FileLayer::system(), path);
  EXPECT_TRUE(weights.ok()) << weights.status();
  if (weights.ok())
    for (const std::string &name : weights->names())
      feed[name] = toInterpreter(*weights->find(name));
  return feed;
}

BuiltModel::BuiltModel(const frontend::proto::ModelDef &definition, int64_t batch, int64_t seq,
                       frontend::Element number, int64_t sourceSeq) {
  frontend::BuildOptions options{batch, seq, frontend::entriesOf(definition, true), number,
                                 sourceSeq};
  auto module = frontend::buildModule(context_, definition, options);
  EXPECT_TRUE(module.ok()) << module.status();
  if (module.ok())
    module_ = *std::move(module);
}

mlir::func::FuncOp BuiltModel::entry(const std::string &name) {
  auto function = module_ ? module_->lookupSymbol<mlir::func::FuncOp>(name) : nullptr;
  EXPECT_TRUE(function) << "no entry " << name;
  return function;
}

std::string BuiltModel::text(const std::string &name) {
  std::string text;
  llvm::raw_string_ostream out(text);
  entry(name).print(out);
  return text;
}

Feed BuiltModel::run(const std::string &name, const Feed &feed) {
  Feed results;
  mlir::func::FuncOp function = entry(name);
  if (!function)
    return results;
  std::vector<ir::TensorRef> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto found = feed.find(ir::argumentName(function, i).str());
    if (found == feed.end()) {
      ADD_FAILURE() << "no argument " << ir::argumentName(function, i).str();
      return results;
    }
    arguments.push_back(found->second);
  }
  auto values = ir::evaluate(function, arguments);
  EXPECT_TRUE(values.ok()) << values.status();
  if (values.ok())
    for (unsigned i = 0; i < values->size(); ++i)
      results[ir::resultName(function, i).str()] = (*values)[i];
  return results;
}

Feed randomParameters(const frontend::proto::ModelDef &definition, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal(0, 0.2);
  Feed feed;
  for (const frontend::ParameterSpec &spec : frontend::parametersOf(definition).all()) {
    std::vector<double> values(spec.elements());
    const bool ones = spec.initializer.kind == frontend::Initializer::Kind::ones;
    for (double &value : values)
      value = (ones ? 1 : 0) + normal(generator);
    feed[spec.name] = std::make_shared<ir::Tensor>(
        ir::Tensor::ofFloats(spec.shape, values, ir::ElementKind::f64));
  }
  return feed;
}

double largestDifference(const ir::TensorRef &a, const ir::TensorRef &b) {
  if (!a || !b || a->shape != b->shape) {
    ADD_FAILURE() << "shapes differ: " << (a ? a->describe() : "none") << " and "
                  << (b ? b->describe() : "none");
    return INFINITY;
  }
  double largest = 0;
  for (int64_t i = 0; i < a->elements(); ++i) {
    double difference = std::abs(a->number(i) - b->number(i));
    if (!(difference <= largest)) // also a NaN
      largest = difference;
  }
  return largest;
}

void expectInOrder(const std::string &text, const std::vector<std::string> &parts) {
  size_t at = 0;
  for (const std::string &part : parts) {
    size_t found = text.find(part, at);
    if (found == std::string::npos) {
      ADD_FAILURE() << "expected, after what came before: " << part << "\nin:\n" << text;
      return;
    }
    at = found + part.size();
  }
}

} // namespace heddle::test
