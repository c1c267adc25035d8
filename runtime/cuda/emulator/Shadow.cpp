// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/Shadow.h"

namespace heddle::emulator {

Finding Shadow::read(uint32_t index, const Access &by) {
  Cell &cell = cells_[index];
  const Clock &clock = *by.clock;
  Finding finding;
  if (cell.isMbarrier)
    finding = {Conflict::Mbarrier, cell.writer, cell.writePc};
  else if (cell.isInFlight)
    finding = {Conflict::InFlight, cell.writer, cell.writePc};
  else if (!cell.isInitialised)
    finding = {Conflict::Uninitialised, 0, 0};
  else if (cell.writer != by.agent && cell.writeEpoch > clock[cell.writer])
    finding = {Conflict::WithWrite, cell.writer, cell.writePc};
  else if (by.isAsync && cell.writer < threads_ && cell.writeEpoch > clock[width_ + cell.writer])
    finding = {Conflict::ProxyFence, cell.writer, cell.writePc};
  remember(cell, index, by);
  return finding;
}

void Shadow::remember(Cell &cell, uint32_t index, const Access &by) {
  cell.readPc = by.pc;
  for (int i = 0; i < cell.readerCount; ++i)
    if (cell.readers[i] == by.agent) {
      cell.readEpochs[i] = by.epoch;
      return;
    }
  // Whoever is ordered after this read is ordered after what it is ordered after.
  for (int i = 0; i < cell.readerCount; ++i)
    if (cell.readEpochs[i] <= (*by.clock)[cell.readers[i]]) {
      cell.readers[i] = static_cast<uint16_t>(by.agent);
      cell.readEpochs[i] = by.epoch;
      return;
    }
  if (cell.readerCount < Cell::kReaders) {
    cell.readers[cell.readerCount] = static_cast<uint16_t>(by.agent);
    cell.readEpochs[cell.readerCount++] = by.epoch;
    return;
  }
  cell.hasMoreReaders = true;
  std::vector<Reader> &more = moreReaders_[index];
  for (Reader &reader : more)
    if (reader.agent == by.agent) {
      reader.epoch = by.epoch;
      return;
    }
  more.push_back({static_cast<uint16_t>(by.agent), by.epoch});
}

Finding Shadow::write(uint32_t index, const Access &by, bool staysInFlight) {
  Cell &cell = cells_[index];
  const Clock &clock = *by.clock;
  auto isUnordered = [&](uint32_t agent, uint32_t epoch) {
    return agent != by.issuer && epoch > clock[agent];
  };
  Finding finding;
  if (cell.isMbarrier)
    finding = {Conflict::Mbarrier, cell.writer, cell.writePc};
  else if (cell.isInFlight)
    finding = {Conflict::InFlight, cell.writer, cell.writePc};
  else if (cell.isInitialised && isUnordered(cell.writer, cell.writeEpoch))
    finding = {Conflict::WithWrite, cell.writer, cell.writePc};
  else if (by.isAsync && cell.isInitialised && cell.writer < threads_ &&
           cell.writeEpoch > clock[width_ + cell.writer])
    finding = {Conflict::ProxyFence, cell.writer, cell.writePc};
  for (int i = 0; i < cell.readerCount && finding.conflict == Conflict::None; ++i)
    if (isUnordered(cell.readers[i], cell.readEpochs[i]))
      finding = {Conflict::WithRead, cell.readers[i], cell.readPc};
  if (cell.hasMoreReaders) {
    for (const Reader &reader : moreReaders_[index])
      if (finding.conflict == Conflict::None && isUnordered(reader.agent, reader.epoch))
        finding = {Conflict::WithRead, reader.agent, cell.readPc};
    moreReaders_.erase(index);
    cell.hasMoreReaders = false;
  }
  cell.readerCount = 0;
  cell.writer = static_cast<uint16_t>(by.agent);
  cell.writeEpoch = by.epoch;
  cell.writePc = by.pc;
  cell.isInitialised = true;
  cell.isInFlight = staysInFlight;
  return finding;
}

void Shadow::land(uint32_t index, uint32_t agent, uint32_t epoch, uint32_t landedEpoch) {
  Cell &cell = cells_[index];
  if (cell.writer != agent || cell.writeEpoch != epoch)
    return;
  cell.isInFlight = false;
  cell.writeEpoch = landedEpoch;
}

} // namespace heddle::emulator
