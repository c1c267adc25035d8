#include "runtime/tokenizer/BytePairTrainer.h"
namespace heddle::runtime {
StatusOr<std::string> trainBytePairs(std::string_view text, int64_t size) {
  return invalidInput("todo");
}
} // namespace heddle::runtime
