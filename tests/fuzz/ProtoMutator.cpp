// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/ProtoMutator.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace heddle::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kLongestText = 4096;

class Silent : public google::protobuf::io::ErrorCollector {
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string &) override {}
};

uint64_t below(Random &random, uint64_t end) { return random() % end; }

void collect(Message &message, std::vector<Message *> &all) {
  all.push_back(&message);
  const Reflection *reflection = message.GetReflection();
  std::vector<const FieldDescriptor *> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor *field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      continue;
    if (!field->is_repeated())
      collect(*reflection->MutableMessage(&message, field), all);
    else
      for (int i = 0; i < reflection->FieldSize(message, field); ++i)
        collect(*reflection->MutableRepeatedMessage(&message, field, i), all);
  }
}

uint64_t anyInteger(uint64_t old, Random &random) {
  constexpr uint64_t kEdges[] = {0,
                                 1,
                                 2,
                                 64,
                                 uint64_t(-1),
                                 uint64_t(-100),
                                 INT32_MAX,
                                 uint64_t(INT32_MAX) + 1,
                                 INT64_MAX,
                                 uint64_t(INT64_MIN),
                                 uint64_t{1} << 47,
                                 uint64_t{1} << 48};
  switch (below(random, 4)) {
  case 0:
    return kEdges[below(random, std::size(kEdges))];
  case 1:
    return old + below(random, 9) - 4;
  case 2:
    return old ^ (uint64_t{1} << below(random, 64));
  default:
    return below(random, 16);
  }
}

double anyReal(double old, Random &random) {
  using Limits = std::numeric_limits<double>;
  constexpr double kEdges[] = {0,  -0.0,  1,     -1,   0.5, 1e-320, 1e300, Limits::infinity(),
                               -1, 10000, 1e-45, 0.999};
  switch (below(random, 4)) {
  case 0:
    return Limits::quiet_NaN();
  case 1:
    return std::bit_cast<double>(std::bit_cast<uint64_t>(old) ^ uint64_t{1} << below(random, 64));
  default:
    return kEdges[below(random, std::size(kEdges))];
  }
}

/// Sets or adds one scalar (index < 0: a singular field).
class Setter {
public:
  Setter(Message &root, Message &message, const FieldDescriptor *field, Random &random)
      : root_(root), message_(message), field_(field), random_(random) {}

  void set(int index) {
    const Reflection *r = message_.GetReflection();
    switch (field_->cpp_type()) {
#define HEDDLE_SET(TYPE, Type, make)                                                               \
  case FieldDescriptor::CPPTYPE_##TYPE: {                                                          \
    auto old = index < 0 ? r->Get##Type(message_, field_)                                          \
                         : r->GetRepeated##Type(message_, field_, index);                          \
    auto value = static_cast<decltype(old)>(make);                                                 \
    index < 0 ? r->Set##Type(&message_, field_, value)                                             \
              : r->SetRepeated##Type(&message_, field_, index, value);                             \
    break;                                                                                         \
  }
      HEDDLE_SET(INT32, Int32, anyInteger(old, random_))
      HEDDLE_SET(INT64, Int64, anyInteger(old, random_))
      HEDDLE_SET(UINT32, UInt32, anyInteger(old, random_))
      HEDDLE_SET(UINT64, UInt64, anyInteger(old, random_))
      HEDDLE_SET(DOUBLE, Double, anyReal(old, random_))
      HEDDLE_SET(BOOL, Bool, below(random_, 2) == 1)
      HEDDLE_SET(STRING, String, anyText(old))
#undef HEDDLE_SET
    case FieldDescriptor::CPPTYPE_ENUM: {
      // An open enum may hold any number; a closed one drops it.
      int number = static_cast<int>(below(random_, field_->enum_type()->value_count() + 2));
      index < 0 ? r->SetEnumValue(&message_, field_, number)
                : r->SetRepeatedEnumValue(&message_, field_, index, number);
      break;
    }
    default:
      break;
    }
  }

  void add() {
    const Reflection *r = message_.GetReflection();
    switch (field_->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      r->AddInt32(&message_, field_, 0);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      r->AddInt64(&message_, field_, 0);
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      r->AddString(&message_, field_, "");
      break;
    default:
      return;
    }
    set(r->FieldSize(message_, field_) - 1);
  }

private:
  /// A text from elsewhere in the tree, because names refer to each other; or the old one, changed.
  std::string anyText(const std::string &old) {
    std::vector<Message *> all;
    collect(root_, all);
    std::vector<std::string> texts;
    for (Message *message : all) {
      std::vector<const FieldDescriptor *> fields;
      message->GetReflection()->ListFields(*message, &fields);
      for (const FieldDescriptor *field : fields)
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated())
          texts.push_back(message->GetReflection()->GetString(*message, field));
    }
    if (!texts.empty() && below(random_, 2))
      return texts[below(random_, texts.size())];
    std::string text = old;
    mutateBytes(text, std::max(kLongestText, old.size()));
    // A field of type string holds UTF-8; the readers see to it before we do.
    if (field_->type() == FieldDescriptor::TYPE_STRING)
      std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return text;
  }

  Message &root_;
  Message &message_;
  const FieldDescriptor *field_;
  Random &random_;
};

void mutateRepeated(Message &root, Message &message, const FieldDescriptor *field, Random &random) {
  const Reflection *r = message.GetReflection();
  int size = r->FieldSize(message, field);
  bool isMessage = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  uint64_t action = size == 0 ? 0 : below(random, 4);
  int at = size == 0 ? 0 : static_cast<int>(below(random, size));
  if (action == 0) {
    if (!isMessage) {
      Setter(root, message, field, random).add();
    } else {
      Message *added = r->AddMessage(&message, field);
      if (size > 0)
        added->CopyFrom(r->GetRepeatedMessage(message, field, at));
    }
  } else if (action == 1) {
    r->RemoveLast(&message, field);
  } else if (action == 2) {
    r->SwapElements(&message, field, at, static_cast<int>(below(random, size)));
  } else if (!isMessage) {
    Setter(root, message, field, random).set(at);
  }
}

void mutateOnce(Message &root, Random &random) {
  std::vector<Message *> all;
  collect(root, all);
  Message &message = *all[below(random, all.size())];
  const auto *descriptor = message.GetDescriptor();
  if (descriptor->field_count() == 0)
    return;
  const FieldDescriptor *field =
      descriptor->field(static_cast<int>(below(random, descriptor->field_count())));
  const Reflection *r = message.GetReflection();
  if (field->is_repeated())
    mutateRepeated(root, message, field, random);
  else if (r->HasField(message, field) && below(random, 8) == 0)
    r->ClearField(&message, field);
  else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
    r->MutableMessage(&message, field);
  else
    Setter(root, message, field, random).set(-1);
}

} // namespace

void mutateMessage(Message &message, Random &random) {
  for (uint64_t left = 1 + below(random, 3); left > 0; --left)
    mutateOnce(message, random);
}

bool mutateTextproto(std::string &text, const Message &prototype, Random &random) {
  std::unique_ptr<Message> message(prototype.New());
  google::protobuf::TextFormat::Parser parser;
  parser.SetRecursionLimit(64);
  Silent silent; // without one, errors go to stderr
  parser.RecordErrorsTo(&silent);
  if (!parser.ParseFromString(text, message.get()))
    return false;
  mutateMessage(*message, random);
  return google::protobuf::TextFormat::PrintToString(*message, &text);
}

void mutateBytes(std::string &bytes, size_t mostBytes) {
  size_t size = std::min(bytes.size(), mostBytes);
  bytes.resize(mostBytes);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(bytes.data()), size, mostBytes));
}

size_t store(const std::string &bytes, uint8_t *data, size_t mostBytes) {
  size_t size = std::min(bytes.size(), mostBytes);
  std::memcpy(data, bytes.data(), size);
  return size;
}

} // namespace heddle::fuzz
