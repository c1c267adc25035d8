// SPDX-License-Identifier: Apache-2.0
// Every function after each pass that changed it, against the same function before.
#include <map>
#include <optional>
#include <set>

#include "ir/Conventions.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/OperationSupport.h"
#include "runtime/plan/ThreadPool.h"
#include "tools/driver/Tolerances.h"
#include "tools/driver/Values.h"
#include "tools/driver/VerifyParts.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// About how many passes change a function on its way.
constexpr int kPasses = 12;

using Results = std::vector<ir::TensorRef>;

class PassJudge {
public:
  PassJudge(VerifySubject &subject, VerifyReport &report)
      : request_(subject.request), values_(subject.values), pool_(request_.compile.threads),
        report_(report) {}

  /// Evaluates what changed. A function seen for the first time becomes its own measure.
  Status after(const std::string &pass, ModuleOp module) {
    std::vector<Job> jobs = changedFunctions(module);
    auto evaluateShare = [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        jobs[i].results = ir::evaluate(jobs[i].function, jobs[i].arguments);
    };
    pool_.parallelFor(static_cast<int64_t>(jobs.size()), evaluateShare);
    for (Job &job : jobs) {
      std::string name = job.function.getName().str();
      if (!job.results.ok())
        return withContext(job.results.status(),
                           absl::StrCat("interpreter, @", name, " after ", pass));
      if (auto before = results_.find(name); before != results_.end())
        compareWith(before->second, pass, job);
      else
        results_[name] = std::move(*job.results);
    }
    return absl::OkStatus();
  }

private:
  struct Job {
    func::FuncOp function;
    std::vector<ir::TensorRef> arguments;
    absl::StatusOr<Results> results;
  };

  std::vector<Job> changedFunctions(ModuleOp module) {
    std::vector<Job> jobs;
    std::set<std::string> alive;
    for (auto function : module.getOps<func::FuncOp>()) {
      std::string name = function.getName().str();
      alive.insert(name);
      OperationFingerPrint now(function);
      auto [seen, isNew] = fingerprints_.try_emplace(name, now);
      if (!isNew && seen->second == now)
        continue;
      seen->second = now;
      if (isSkipped(function, name))
        continue;
      jobs.push_back({function, values_.of(function), absl::UnknownError("not evaluated")});
    }
    // Functions that a pass dropped need no measure any more.
    std::erase_if(results_, [&](const auto &entry) { return !alive.count(entry.first); });
    return jobs;
  }

  bool isSkipped(func::FuncOp function, const std::string &name) {
    if (skipped_.count(name))
      return true;
    std::string reason = tooLarge(request_, function, kPasses);
    if (reason.empty())
      return false;
    skipped_.insert(name);
    report_.remarks.push_back(
        absl::StrCat("passes over ", name, " are not compared: that ", reason));
    return true;
  }

  void compareWith(const Results &before, const std::string &pass, Job &job) {
    VerifyCheck worst{"pass " + pass, "", -1, toleranceFor("pass", pass, "f64").bound};
    for (size_t i = 0; i < before.size() && i < job.results->size(); ++i) {
      double error = compare(*(*job.results)[i], *before[i]).relative;
      if (error <= worst.error)
        continue;
      worst.error = error;
      worst.subject =
          absl::StrCat(job.function.getName().str(), ": ", ir::resultName(job.function, i).str());
    }
    report_.checks.push_back(std::move(worst));
  }

  const VerifyRequest &request_;
  ArgumentValues &values_;
  runtime::ThreadPool pool_;
  VerifyReport &report_;
  std::map<std::string, OperationFingerPrint> fingerprints_;
  std::map<std::string, Results> results_;
  std::set<std::string> skipped_;
};

} // namespace

Status checkPasses(VerifySubject &subject, VerifyReport &report) {
  PassJudge judge(subject, report);
  CompileRequest request = subject.request.compile;
  for (const runtime::Entry &entry : subject.executable->entries())
    request.entries.push_back(entry.plan->entry());
  request.dumpFolder.clear();
  request.afterPass = [&](const std::string &pass, ModuleOp module) {
    return judge.after(pass, module);
  };
  HEDDLE_ASSIGN_OR_RETURN(Compilation again, startCompilation(subject.source, request));
  HEDDLE_RETURN_IF_ERROR(judge.after("the builder", again.module()));
  return again.runTo(stageNames().back());
}

} // namespace heddle::tools
