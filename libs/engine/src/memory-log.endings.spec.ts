import { describeLogEndings } from './testing/log-endings.conformance.js';
import { ManualClock, MemoryLog } from './testing/index.js';

describeLogEndings('the log in memory', async () => {
  const clock = new ManualClock();
  const log = new MemoryLog(clock);
  return {
    log,
    advance: async (ms) => clock.advance(ms),
    beginLife: async () => undefined,
    acceptUnknownFormat: async (row) => {
      await log.accept([row]);
    },
    end: async () => undefined,
  };
});
