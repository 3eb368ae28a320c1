import { describeLogConformance } from '@atone/engine/conformance';
import { ManualClock, MemoryLog } from './testing/index.js';

describeLogConformance('the log in memory', async () => {
  const clock = new ManualClock();
  const log = new MemoryLog(clock);
  return {
    log,
    advance: async (ms) => clock.advance(ms),
    beginLife: async () => {
      log.life += 1;
    },
    acceptUnknownFormat: async (row) => {
      await log.accept([row]);
      const stored = await log.get(row.gid);
      if (stored === undefined) {
        throw new Error('The row that was just accepted is gone.');
      }
      log.plant({ ...stored, format: 99 });
    },
    end: async () => undefined,
  };
});
