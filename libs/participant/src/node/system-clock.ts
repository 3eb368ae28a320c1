import type { ParticipantClock } from '../clock.port.js';

export const systemClock: ParticipantClock = {
  now: () => Date.now(),
  instant: (ms) => new Date(ms),
};
