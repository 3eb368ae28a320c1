import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mintGid } from '@atone/core';
import { DoneOffsets } from './done.offsets.js';
import { GatheringLane } from './gathering.lane.js';
import { PrototypeLog } from './prototype.log.js';
import type { PrototypeCommand, PrototypeReply, RunningSaga } from './prototype.saga.js';
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
 * after the other over Kafka, and writes the end before it tells. It knows no refusal, no retry, no validation and no other
 * instance. What the coordinator takes beyond it is the price of what it promises.
 */

const PROGRESS_AGE_MS = 1_000;
const RANDOM = { next: Math.random, bytes: (size: number) => randomBytes(size) };
const JSON_CONTENT = { 'content-type': 'application/json' };
const ENDED = JSON.stringify({ state: 'committed' });

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
  await log.end(sagas.map(({ gid }) => gid));
  done.note(read);
  sagas.forEach(({ caller }) => caller.writeHead(200, JSON_CONTENT).end(ENDED));
});

await log.create();
await wire.createTopics([COMMANDS, REPLIES], PARTITION_COUNT);
const done = new DoneOffsets(await wire.consume(REPLIES, (messages) => messages.forEach(take)));
setInterval(() => void writeProgress(), PROGRESS_AGE_MS).unref();
createServer((request, response) => void answer(request, response)).listen(
  Number(ATONE_HTTP_PORT),
  '127.0.0.1',
);
process.once('SIGTERM', () => process.exit(0));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    response.end();
    return;
  }
  let plan = '';
  request.setEncoding('utf8');
  request.on('data', (part: string) => (plan += part));
  request.on('end', () => {
    const { steps } = JSON.parse(plan) as Pick<RunningSaga, 'steps'>;
    const acceptedAt = Date.now();
    const gid = mintGid(acceptedAt, 0, RANDOM);
    acceptances.add({ gid, plan, steps, acceptedAt, caller: response, step: 0, writtenStep: 0 });
  });
}

function ask({ gid, step, steps }: RunningSaga): void {
  const { action = '', input } = steps[step] ?? {};
  const command: PrototypeCommand = { gid, step, action, input };
  commands.add({ key: gid, value: JSON.stringify(command) });
}

function take({ value, partition, offset }: ReceivedMessage): void {
  const { gid, step } = JSON.parse(value) as PrototypeReply;
  const saga = running.get(gid);
  taken.set(partition, offset);
  if (saga?.step !== step) {
    return; // It was taken before.
  }
  saga.step += 1;
  if (saga.step < saga.steps.length) {
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
