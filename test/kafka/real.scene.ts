import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@atone/engine';
import type { KafkaClient } from '@atone/kafka';
import { newName, testBrokers } from './kafka.client.js';
import type { ClientLibrary } from './kafka.worlds.js';

/** Time that passes by itself. */
export const REAL_TIME: { readonly clock: Clock; readonly pass: () => Promise<void> } = {
  clock: {
    now: () => Date.now(),
    setTimer: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
    synchronize: () => undefined,
  },
  pass: async () => delay(10),
};

/** Returns real time and real brokers, by this library, for a world with topics of its own. */
export function realScene({ name, connect }: ClientLibrary) {
  return {
    ...REAL_TIME,
    connect: (): KafkaClient => connect({ brokers: testBrokers(), clientId: `test-${name}` }),
    prefix: newName('atone'),
  };
}
