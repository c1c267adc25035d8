// SPDX-License-Identifier: Apache-2.0
// Executables that are damaged, hostile or for another machine are refused by name.
#include <functional>

#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

struct Damage {
  const char *message;
  std::function<void(proto::Executable &)> apply;
};

proto::Plan &plan(proto::Executable &e, const std::string &entry) {
  for (proto::Plan &plan : *e.mutable_plans())
    if (plan.entry() == entry)
      return plan;
  ADD_FAILURE() << entry;
  return *e.mutable_plans(0);
}
proto::BufferRef &operand(proto::Executable &e, int launch, int index) {
  return *plan(e, "step").mutable_launches(launch)->mutable_operands(index);
}

TEST(Executable, DamageIsNamed) {
  const std::vector<Damage> damages = {
      {"format version 9", [](auto &e) { e.mutable_manifest()->set_format_version(9); }},
      {"out of range", [](auto &e) { e.mutable_manifest()->set_batch(0); }},
      {"dropout", [](auto &e) { e.mutable_manifest()->set_dropout(NAN); }},
      {"listed twice",
       [](auto &e) { e.mutable_manifest()->mutable_parameters(1)->set_name("table"); }},
      {"taken already",
       [](auto &e) { e.mutable_manifest()->mutable_parameters(1)->add_aliases("table"); }},
      {"negative or too large",
       [](auto &e) { e.mutable_manifest()->mutable_parameters(0)->set_shape(0, -1); }},
      {"negative or too large",
       [](auto &e) {
         e.mutable_manifest()->mutable_parameters(0)->set_shape(0, int64_t{1} << 62);
       }},
      {"initial scale",
       [](auto &e) {
         e.mutable_manifest()->mutable_parameters(0)->mutable_initializer()->set_scale(-1);
       }},
      {"entry step is there twice", [](auto &e) { plan(e, "loss").set_entry("step"); }},
      {"without a name", [](auto &e) { plan(e, "loss").clear_entry(); }},
      {"unknown kind", [](auto &e) { plan(e, "step").mutable_arguments(1)->set_kind("friend"); }},
      {"no element type",
       [](auto &e) {
         plan(e, "step").mutable_arguments(1)->set_dtype(static_cast<proto::DataType>(77));
       }},
      {"not in the manifest",
       [](auto &e) { plan(e, "forward").mutable_arguments(0)->set_name("chair"); }},
      {"F32 [256, 256] in the manifest",
       [](auto &e) { plan(e, "forward").mutable_arguments(0)->set_shape(0, 255); }},
      {"elsewhere", [](auto &e) { plan(e, "decode").mutable_arguments(1)->set_shape(2, 9); }},
      {"axes",
       [](auto &e) {
         for (int i = 0; i < 9; ++i)
           plan(e, "step").mutable_arguments(1)->add_shape(1);
       }},
      {"entries in result_alias", [](auto &e) { plan(e, "step").add_result_alias(0); }},
      {"out of range or taken", [](auto &e) { plan(e, "step").set_result_alias(2, 99); }},
      {"out of range or taken", [](auto &e) { plan(e, "step").set_result_alias(2, -2); }},
      {"out of range or taken", [](auto &e) { plan(e, "step").set_result_alias(3, 0); }},
      {"writes a constant",
       [](auto &e) {
         plan(e, "step").add_constants(std::string(64, 0));
         operand(e, 0, 3).set_space(proto::BufferRef::CONSTANT);
       }},
      {"out of range", [](auto &e) { e.mutable_manifest()->set_vocab_size(-1); }},
      {"nameless", [](auto &e) { e.mutable_manifest()->mutable_parameters(1)->clear_name(); }},
      {"argument \"table\" is nameless or listed twice",
       [](auto &e) { plan(e, "step").mutable_arguments(1)->set_name("table"); }},
      {"unknown kind \"input\"",
       [](auto &e) { plan(e, "step").mutable_results(0)->set_kind("input"); }},
      {"unknown default",
       [](auto &e) {
         plan(e, "step").mutable_arguments(1)->set_default_value(
             static_cast<proto::Value::Default>(77));
       }},
      {"another name, kind or type", [](auto &e) { plan(e, "step").set_result_alias(3, 5); }},
      {"must share a buffer", [](auto &e) { plan(e, "step").set_result_alias(2, -1); }},
      {"unknown buffer space",
       [](auto &e) { operand(e, 0, 0).set_space(static_cast<proto::BufferRef::Space>(9)); }},
      {"argument 99 of", [](auto &e) { operand(e, 0, 0).set_index(99); }},
      {"argument -1 of", [](auto &e) { operand(e, 0, 0).set_index(-1); }},
      {"constant 0 of 0", [](auto &e) { operand(e, 0, 0).set_space(proto::BufferRef::CONSTANT); }},
      {"operand 0: 65536 elements at byte 4", [](auto &e) { operand(e, 0, 0).set_offset(4); }},
      {"operand 0", [](auto &e) { operand(e, 0, 0).set_offset(~uint64_t{0}); }},
      {"operand 0", [](auto &e) { operand(e, 0, 0).set_elements(uint64_t{1} << 62); }},
      {"operand 3", [](auto &e) { plan(e, "step").set_arena_bytes(8); }},
      {"-1 tasks", [](auto &e) { plan(e, "step").mutable_launches(0)->set_tasks(-1); }},
      {"outputs of", [](auto &e) { plan(e, "step").mutable_launches(0)->set_outputs(5); }},
      {"no kernel", [](auto &e) { plan(e, "step").mutable_launches(0)->clear_kernel(); }},
      {"hold no function fake_nothing",
       [](auto &e) { plan(e, "step").mutable_launches(0)->set_kernel("fake_nothing"); }},
      {"lacks avx9000", [](auto &e) { e.mutable_manifest()->add_cpu_features("avx9000"); }},
      {"do not match their hash", [](auto &e) { (*e.mutable_kernels())[999] ^= 1; }},
      {"do not match their hash", [](auto &e) { e.clear_kernels(); }},
      {"no 64-bit ELF",
       [](auto &e) {
         e.set_kernels(std::string(100, 'x'));
         auto v = e.manifest().format_version();
         sealExecutable(e);
         e.mutable_manifest()->set_format_version(v);
       }},
      {"cannot load the kernels",
       [](auto &e) {
         e.set_kernels(e.kernels().substr(0, 500));
         sealExecutable(e);
       }},
  };
  for (const Damage &damage : damages) {
    proto::Executable executable = fakeExecutable();
    damage.apply(executable);
    EXPECT_THAT(Executable::create(std::move(executable), "x.heddle"), IsBadInput(damage.message));
  }
}

TEST(Executable, ArenaAndScratchAtTheirLimits) {
  auto create = [](uint64_t arena, uint64_t scratch) {
    proto::Executable executable = fakeExecutable();
    plan(executable, "step").set_arena_bytes(arena);
    plan(executable, "step").mutable_launches(0)->set_scratch_bytes(scratch);
    return Executable::create(std::move(executable), "x.heddle");
  };
  EXPECT_THAT(create(limits::kArenaBytes, limits::kScratchBytes), IsOk());
  EXPECT_THAT(create(limits::kArenaBytes + 1, 0),
              IsBadInput("an arena of 140737488355329 bytes, more than the limit of "
                         "140737488355328"));
  EXPECT_THAT(create(limits::kArenaBytes, limits::kScratchBytes + 1),
              IsBadInput("68719476737 bytes of scratch, more than the limit of 68719476736"));
}

TEST(Executable, SharedMemoryAtItsLimit) {
  auto create = [](const proto::GridLaunch &grid) {
    proto::Executable executable = fakeExecutable();
    *plan(executable, "step").mutable_launches(0)->add_grid() = grid;
    return Executable::create(std::move(executable), "x.heddle");
  };
  proto::GridLaunch grid;
  grid.set_function("f");
  grid.set_blocks(1);
  grid.set_threads(1024);
  grid.set_shared_bytes(limits::kSharedBytes);
  EXPECT_THAT(create(grid), IsOk());
  grid.set_shared_bytes(limits::kSharedBytes + 1);
  EXPECT_THAT(create(grid),
              IsBadInput("232449 bytes of shared memory, more than the limit of 232448"));
  grid.set_shared_bytes(0);
  grid.set_threads(1025);
  EXPECT_THAT(create(grid), IsBadInput("1025 threads in a block"));
  grid.set_threads(32);
  grid.set_blocks(0);
  EXPECT_THAT(create(grid), IsBadInput("0 blocks"));
}

TEST(Executable, NeedsTheModulesOfItsTarget) {
  proto::Executable executable = fakeExecutable();
  executable.mutable_manifest()->set_target("cuda:emulated");
  sealExecutable(executable);
  EXPECT_THAT(Executable::create(executable, "x.heddle"),
              IsBadInput("is launched with no function"));
  for (proto::Plan &plan : *executable.mutable_plans())
    for (proto::Launch &launch : *plan.mutable_launches()) {
      launch.add_grid()->set_function("f");
      launch.mutable_grid(0)->set_blocks(1);
      launch.mutable_grid(0)->set_threads(32);
    }
  EXPECT_THAT(Executable::create(executable, "x.heddle"), IsBadInput("there is no kernel "));
  proto::DeviceModule &module = *executable.add_modules();
  module.set_kernel("k");
  module.set_object("no object");
  EXPECT_THAT(Executable::create(executable, "x.heddle"),
              IsBadInput("the kernels do not match their hash"));
  sealExecutable(executable);
  EXPECT_THAT(Executable::create(executable, "x.heddle"), IsBadInput("kernel k"));
}

TEST(Executable, SizeLimit) {
  TempFolder folder;
  std::string path = folder / "m.heddle";
  spill(path, "");
  auto load = [&](uint64_t size) {
    std::filesystem::resize_file(path, size); // a hole: it takes no disk
    return Executable::load(FileLayer::system(), path);
  };
  EXPECT_THAT(load(limits::kExecutableBytes), IsBadInput("not a Heddle executable"));
  EXPECT_THAT(load(limits::kExecutableBytes + 1),
              IsBadInput("2147483648 bytes, more than the limit of 2147483647"));
}

TEST(Executable, FileRoundTrip) {
  TempFolder folder;
  std::string path = folder / "m.heddle";
  proto::Executable executable = fakeExecutable();
  ASSERT_THAT(writeExecutable(FileLayer::system(), executable, path), IsOk());
  auto loaded = Executable::load(FileLayer::system(), path);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->manifest().model_name(), "bigram");
  ASSERT_NE((*loaded)->find("step"), nullptr);
  EXPECT_EQ((*loaded)->find("nothing"), nullptr);
  EXPECT_THAT((*loaded)->entry("encode"), IsBadInput("compiled: forward, loss, eval, step"));
  EXPECT_NE((*loaded)->file("model.textproto"), nullptr);
}

TEST(Executable, DamagedFilesAreErrors) {
  TempFolder folder;
  std::string path = folder / "m.heddle";
  FileLayer &layer = FileLayer::system();
  EXPECT_THAT(Executable::load(layer, path), IsBadInput("m.heddle"));
  EXPECT_THAT(Executable::load(layer, folder.path()), IsBadInput("folder"));
  for (const char *content : {"", "hello", "\x0a\xff\xff\xff\xff\x0f"}) {
    spill(path, content);
    EXPECT_THAT(Executable::load(layer, path), IsBadInput("m.heddle: not a Heddle executable"));
  }
  proto::Executable executable = fakeExecutable();
  std::string whole = executable.SerializeAsString();
  // Cut anywhere, it is an error and nothing worse.
  for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 97) {
    spill(path, whole.substr(0, size));
    EXPECT_THAT(Executable::load(layer, path), IsBadInput("m.heddle"));
  }
}

TEST(Executable, EveryChangedByteIsNoticed) {
  TempFolder folder(TempFolder::kInMemory);
  std::string path = folder / "m.heddle";
  FileLayer &layer = FileLayer::system();
  proto::Executable executable = fakeExecutable();
  ASSERT_THAT(writeExecutable(layer, executable, path), IsOk());
  const std::string whole = slurp(path);
  auto load = [&](const std::string &content) {
    spill(path, content);
    return Executable::load(layer, path);
  };
  ASSERT_THAT(load(whole), IsOk());
  for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 197) {
    std::string damaged = whole;
    damaged[at] ^= 0x10;
    EXPECT_THAT(load(damaged), IsBadInput("m.heddle: ")) << at;
  }
  EXPECT_THAT(load(whole.substr(0, whole.size() - 1)), IsBadInput("cut short"));
  EXPECT_THAT(load(whole + "x"), IsBadInput("cut short"));
  EXPECT_THAT(load(whole.substr(1)), IsBadInput("does not match the SHA-256"));
}

TEST(Executable, FlippedBytesNeverCrash) {
  proto::Executable executable = fakeExecutable();
  std::string kernels = executable.kernels();
  executable.clear_kernels();
  std::string description = executable.SerializeAsString();
  uint32_t random = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = description;
    for (int flips = 0; flips < 3; ++flips) {
      random = random * 1664525 + 1013904223;
      damaged[random % damaged.size()] ^= static_cast<char>(1 << (random >> 29));
    }
    proto::Executable parsed;
    if (!parsed.ParseFromString(damaged))
      continue;
    parsed.set_kernels(kernels);
    Executable::create(std::move(parsed), "x").status().IgnoreError();
  }
}

TEST(Executable, KnowsWhereAStepBecomesFinal) {
  auto executable = loadFake(fakeExecutable());
  const Entry *step = executable->find("step");
  EXPECT_EQ(step->commit, 4); // token losses, mean, gradient and norm come before
  EXPECT_TRUE(step->lossBeforeCommit);
  EXPECT_EQ(executable->find("step_accumulated")->commit, 5);
  EXPECT_EQ(executable->find("forward")->commit, 1);
  // The norm is known only after the update: too late to leave the step.
  proto::Executable late = fakeExecutable();
  auto &launches = *plan(late, "step").mutable_launches();
  launches.SwapElements(3, 4);
  sealExecutable(late);
  executable = loadFake(std::move(late));
  EXPECT_EQ(executable->find("step")->commit, 3);
  EXPECT_FALSE(executable->find("step")->lossBeforeCommit);
}

} // namespace
} // namespace heddle::runtime
