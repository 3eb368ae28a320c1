import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { KafkaClient, KafkaConnection } from '@atone/kafka';
import type { DoomedReader, KafkaWorld } from '@atone/kafka/conformance';
import { kafkajsClient } from '@atone/kafka/kafkajs';
import { platformaticClient } from '@atone/kafka/platformatic';

export interface ClientLibrary {
  /** As the package's door is named. */
  readonly name: 'kafkajs' | 'platformatic';
  readonly connect: (connection: KafkaConnection) => KafkaClient;
}

/** Those that Atone can work with. */
export const LIBRARIES: readonly ClientLibrary[] = [
  { name: 'kafkajs', connect: kafkajsClient },
  { name: 'platformatic', connect: platformaticClient },
];

/** Returns a world of real brokers, and of clients over this library. */
export function worldOf(library: ClientLibrary, brokers: readonly string[]): KafkaWorld {
  return {
    connect: () => library.connect({ brokers, clientId: `test-${library.name}` }),
    startDoomedReader: async ({ groupId, topic }) =>
      startDoomedReader([library.name, brokers.join(','), groupId, topic]),
    close: async () => undefined,
  };
}

async function startDoomedReader(words: readonly string[]): Promise<DoomedReader> {
  const program = fileURLToPath(new URL('doomed.reader.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
