#include "runtime/tokenizer/OlderFiles.h"
namespace heddle::runtime {
bool isOlderTokenizerFile(const std::string &name) { return false; }
StatusOr<std::optional<std::string>> jsonOfOlderFiles(const FileContent &files,
                                                      const std::string &place) {
  return std::optional<std::string>();
}
} // namespace heddle::runtime
