import { randomBytes } from 'node:crypto';
import { mintGid } from '@atone/core';
import type { ReplyEnvelope } from '@atone/protocol';
import { fastify } from 'fastify';
import { DoneOffsets } from './done.offsets.js';
import { GatheringLane } from './gathering.lane.js';
import { PrototypeLog } from './prototype.log.js';
import { commandMessage } from './prototype.records.js';
import { begin, finish, sagaOf, viewOf, type RunningSaga } from './prototype.saga.js';
import {
  COMMANDS,
  connectWire,
  PARTITION_COUNT,
  REPLIES,
  type ReceivedMessage,
  type WireLibrary,
  type WireMessage,
} from './wire.js';

/*
 * The least that can be called a coordinator of sagas: it accepts over HTTP, writes what it accepts before it sends, asks one step
 * after the other over Kafka, and writes the end before it tells. Requests, records and rows are those of Atone. It knows no refusal,
 * no retry, no validation and no other instance. What the coordinator takes beyond it is the price of what it promises.
 */

const PROGRESS_AGE_MS = 1_000;
const RANDOM = { next: Math.random, bytes: (size: number) => randomBytes(size) };

const {
  ATONE_DATABASE_URL = '',
  ATONE_HTTP_PORT,
  ATONE_KAFKA_BROKERS = '',
  ATONE_KAFKA_CLIENT,
} = process.env;
const wire = await connectWire(ATONE_KAFKA_CLIENT as WireLibrary, ATONE_KAFKA_BROKERS.split(','));
const log = new PrototypeLog(ATONE_DATABASE_URL);
const running = new Map<string, RunningSaga>();
/** The last replies of each partition that were taken; they are done when what they have ended is written. */
const taken = new Map<number, bigint>();

const commands = new GatheringLane<WireMessage>((messages) => wire.send(COMMANDS, messages));

const acceptances = new GatheringLane<RunningSaga>(async (sagas) => {
  await log.insert(sagas);
  for (const saga of sagas) {
    running.set(saga.gid, saga);
    ask(saga);
  }
});

const ends = new GatheringLane<RunningSaga>(async (sagas) => {
  const read = [...taken].map(([partition, offset]) => ({ partition, offset }));
  await log.end(sagas);
  done.note(read);
  sagas.forEach((saga) => saga.tell(viewOf(saga)));
});

await log.create();
await wire.createTopics([COMMANDS, REPLIES], PARTITION_COUNT);
const done = new DoneOffsets(await wire.consume(REPLIES, (messages) => messages.forEach(take)));
setInterval(() => void writeProgress(), PROGRESS_AGE_MS).unref();
process.once('SIGTERM', () => process.exit(0));

const server = fastify();
server.get('/health/ready', () => ({ status: 'ready' }));
server.post('/v1/transactions', (request, reply) => {
  const now = Date.now();
  const gid = mintGid(now, 0, RANDOM);
  void reply.header('location', `/v1/transactions/${gid}`);
  return new Promise((tell) => {
    acceptances.add(sagaOf(request.body as Parameters<typeof sagaOf>[0], { gid, now, tell }));
  });
});
await server.listen({ port: Number(ATONE_HTTP_PORT), host: '127.0.0.1' });

function ask(saga: RunningSaga): void {
  const now = Date.now();
  begin(saga, now);
  commands.add(commandMessage(saga, now));
}

function take({ value, partition, offset }: ReceivedMessage): void {
  const { gid, branchId, reply } = JSON.parse(value) as ReplyEnvelope;
  const saga = running.get(gid);
  taken.set(partition, offset);
  if (saga?.branches[saga.step]?.branchId !== branchId || reply.outcome !== 'done') {
    return; // It was taken before.
  }
  finish(saga, reply.output, Date.now());
  if (saga.state === 'running') {
    ask(saga);
  } else {
    running.delete(gid);
    ends.add(saga);
  }
}

/** Most sagas end before they are worth a write in between. */
async function writeProgress(): Promise<void> {
  const before = Date.now() - PROGRESS_AGE_MS;
  const slow = [...running.values()].filter(
    (saga) => saga.acceptedAt < before && saga.writtenStep !== saga.step,
  );
  if (slow.length > 0) {
    slow.forEach((saga) => (saga.writtenStep = saga.step));
    await log.progress(slow);
  }
}
