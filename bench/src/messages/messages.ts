import { once } from 'node:events';
import type { KafkaClient } from '@atone/kafka';
import { connectKafka } from '@atone/kafka/connect';
import type { FleetReport } from '../fleet/fleet.tasks.js';
import { endChild, type Ground } from '../ground.js';
import { fixed, tableOf } from '../report.table.js';
import type { MessageWay, ServiceResult, ServiceSettings } from './messages.service.js';

const PARTITIONS = 4;
const KEYS = 1_000;

/** What handlers do, and how many messages there are of it: what waits takes longer. */
const WORKS = [
  { name: 'nothing', waitMs: 0, count: 100_000 },
  { name: 'wait for 2 ms', waitMs: 2, count: 20_000 },
] as const;

const WAYS: readonly { readonly way: MessageWay; readonly name: string }[] = [
  { way: 'nest', name: "Nest's own" },
  { way: 'kafkajs', name: 'AtoneKafkaServer, kafkajs' },
  { way: 'platformatic', name: 'AtoneKafkaServer, @platformatic/kafka' },
];

const HEAD = ['handlers', 'transport', 'messages/s', 'CPU s per 100,000'];

/** Has a NestJS service take messages that are there already, by Nest's own transport and by ours. */
export async function compareMessages(ground: Ground): Promise<FleetReport> {
  const client = await connectKafka({ brokers: ground.brokers, clientId: 'bench' });
  const lines: string[][] = [];
  for (const { name: work, waitMs, count } of WORKS) {
    const topic = `bench.messages.${waitMs}`;
    // oxlint-disable no-await-in-loop -- one at a time, or they would measure each other.
    await store(client, topic, count);
    for (const { way, name } of WAYS) {
      const { brokers } = ground;
      const settings = { way, brokers, topic, partitionCount: PARTITIONS, count, waitMs };
      const { seconds, cpuSeconds } = await take(ground, settings);
      lines.push([work, name, fixed(count / seconds, 0), fixed((cpuSeconds / count) * 100_000, 1)]);
    }
    // oxlint-enable no-await-in-loop
  }
  await client.close();
  return { tables: [tableOf(HEAD, lines)], verdicts: [] };
}

async function store(client: KafkaClient, topic: string, count: number): Promise<void> {
  const topics = [topic, 'atone.dead'].map((name) => ({
    name,
    partitionCount: PARTITIONS,
    replicationFactor: 1,
  }));
  await client.createTopics(topics);
  const records = Array.from({ length: count }, (_, at) => ({
    topic,
    key: `customer-${at % KEYS}`,
    value: JSON.stringify({ order: at, lines: [{ sku: 'lamp', count: 2, cents: 1_250 }] }),
    headers: { 'x-version': '1' },
  }));
  for (let at = 0; at < count; at += 5_000) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.send(records.slice(at, at + 5_000));
  }
}

async function take(ground: Ground, settings: ServiceSettings): Promise<ServiceResult> {
  const child = ground.fork(new URL('messages.service.js', import.meta.url), settings);
  const [result] = (await once(child, 'message')) as [ServiceResult];
  await endChild(child, 'SIGTERM');
  return result;
}
