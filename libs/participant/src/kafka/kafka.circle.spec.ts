import { MemoryKafka } from '@atone/kafka/testing';
import { commandRecord, type BranchCommand } from '@atone/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { action, contract, type ActionHandler } from '../contract.js';
import { createPortLedRuntime } from '../led/run.js';
import { createServiceClient } from '../led/service.client.js';
import { createParticipant } from '../participant.js';
import { LedWorld } from '../testing/led.world.js';
import { MemoryDatabase, type MemoryTransaction } from '../testing/memory.database.js';
import { createKafkaCalls } from './kafka.calls.js';
import { startKafkaCommands, type KafkaCommands } from './kafka.commands.js';

const PARTITIONS = { partitionCount: 1, replicationFactor: 1 };
const shape = { input: z.object({ of: z.string() }), output: z.null() };
const payments = contract('payments', { hold: action(shape), charge: action(shape) });
const stock = contract('stock', { reserve: action(shape) });

let world: LedWorld;
let kafka: MemoryKafka;
let clock: { now(): number; setTimer(delayMs: number, callback: () => void): { cancel(): void } };
let databases: Record<'payments' | 'stock', MemoryDatabase>;
/** How long the timers run that nobody has cancelled. */
let uncancelled: Map<object, number>;
/** How long stock waits before it calls payments. */
let pauseMs: number;
/** How long it takes to undo a hold. */
let undoMs: number;

beforeEach(async () => {
  world = new LedWorld();
  clock = {
    now: () => world.ports.time.now(),
    setTimer: (delayMs, callback) => {
      const timer = world.clock.setTimer(delayMs, callback);
      uncancelled.set(timer, delayMs);
      return {
        cancel: () => {
          uncancelled.delete(timer);
          timer.cancel();
        },
      };
    },
  };
  uncancelled = new Map();
  kafka = new MemoryKafka({ clock });
  databases = { payments: new MemoryDatabase(), stock: new MemoryDatabase() };
  pauseMs = 0;
  undoMs = 0;
  await kafka.client().createTopics([{ name: 'atone.replies', ...PARTITIONS }]);
});

/** Returns the calls of a service over Kafka. */
function callsOf(service: string) {
  const calls = createKafkaCalls({ service, client: kafka.client(), createTopics: PARTITIONS, clock });
  const directory = {
    waysTo: async (other: string) => ({ baseUrls: [], topic: `atone.commands.${other}` }),
  };
  return world.calls({ directory, kafka: calls });
}

function handler(
  described: ActionHandler<MemoryTransaction>['contract'],
  called: (input: { of: string }) => Promise<unknown>,
): ActionHandler<MemoryTransaction> {
  return {
    contract: described,
    async run(input, { transaction }) {
      transaction.record(`${described.name} ${(input as { of: string }).of}`);
      await called(input as { of: string });
      return null;
    },
    async compensate({ transaction }) {
      transaction.record(`undo ${described.name}`);
      await pause(described.name === 'hold' ? undoMs : 0);
    },
  };
}

/** Starts payments, whose `hold` calls stock, which calls the `charge` of payments. */
async function start(parallelMax = 16): Promise<KafkaCommands> {
  const [toStock, toPayments] = [
    createServiceClient(stock, { calls: callsOf('payments') }),
    createServiceClient(payments, { calls: callsOf('stock') }),
  ];
  const commands = await open('payments', parallelMax, [
    handler(payments.hold, async (input) => toStock.reserve(input)),
    handler(payments.charge, async () => undefined),
  ]);
  await open('stock', 64, [
    handler(stock.reserve, async (input) => {
      await pause(pauseMs);
      await toPayments.charge(input);
    }),
  ]);
  return commands;
}

async function open(
  service: 'payments' | 'stock',
  parallelMax: number,
  handlers: ActionHandler<MemoryTransaction>[],
): Promise<KafkaCommands> {
  const runtime = createPortLedRuntime({}, world.ports);
  const database = { ...databases[service].connect(), connectionCountMax: 1_000 };
  const participant = createParticipant<MemoryTransaction>({
    service,
    database,
    handlers,
    parallelMax,
    runtime,
    clock: world.ports.time,
  });
  return startKafkaCommands({ participant, client: kafka.client(), createTopics: PARTITIONS, clock });
}

describe('calls in a circle over Kafka', () => {
  test('come back to the service that waits for them, and nothing waits for its time to be over', async () => {
    const commands = await start();
    const orders = createServiceClient(payments, { calls: callsOf('orders') });
    const before = world.clock.now();

    await world.clock.run(world.globalTransactions().run({ name: 'order' }, () => orders.hold({ of: 'a' })));

    expect(world.coordinator.decision).toMatchObject({ to: 'commit' });
    expect(world.coordinator.decision?.branches.map(({ action: name }) => name).toSorted()).toEqual([
      'charge',
      'hold',
      'reserve',
    ]);
    expect(databases.payments.entries).toEqual(['charge a', 'hold a']);
    expect(world.clock.now() - before).toBeLessThan(1_000);
    expect(commands.counts).toMatchObject({ slow: 0, busy: 0 });
    expect([...uncancelled.values()]).not.toContain(10_000);
  });

  test('come back though more of them are under way than the service runs at once', async () => {
    const commands = await start(2);
    const orders = createServiceClient(payments, { calls: callsOf('orders') });
    const names = Array.from({ length: 40 }, (_, number) => `order ${number}`);
    const before = world.clock.now();

    await world.clock.run(
      Promise.all(
        names.map(async (of) => world.globalTransactions().run({ name: 'order' }, () => orders.hold({ of }))),
      ),
    );

    expect(world.coordinator.decisions.map(({ request }) => request.to)).toEqual(names.map(() => 'commit'));
    expect(databases.payments.entries).toHaveLength(2 * names.length);
    expect(world.clock.now() - before).toBeLessThan(9_000);
    expect(commands.counts.busy).toBe(0);
  });

  test('let the partition move on, and what comes for the same branch keeps its order', async () => {
    pauseMs = 2_000;
    await start();
    const orders = createServiceClient(payments, { calls: callsOf('orders') });
    world.clock.setTimer(500, () => void undo('hold'));
    const seen: unknown[] = [];
    world.clock.setTimer(1_000, () => {
      const place = kafka.committed('atone.payments', 'atone.commands.payments', 0);
      seen.push(place, kafka.records('atone.replies').length);
    });

    await world.clock.run(world.globalTransactions().run({ name: 'order' }, () => orders.hold({ of: 'a' })));
    await world.clock.pass(100);

    expect(seen).toEqual([2n, 0]);
    expect(kafka.records('atone.replies')).toHaveLength(1);
    expect(databases.payments.entries).toEqual(['charge a', 'hold a', 'undo hold']);
  });

  test('are undone one after the other, also what lies below', async () => {
    await start();
    const orders = createServiceClient(payments, { calls: callsOf('orders') });
    await world.clock.run(world.globalTransactions().run({ name: 'order' }, () => orders.hold({ of: 'a' })));
    undoMs = 500;

    await undo('hold', 'charge');
    await world.clock.pass(2_000);

    const undone = databases.payments.entries.slice(2);
    expect(undone).toEqual(['undo hold', 'undo charge']);
  });
});

/** Has a coordinator undo, in this order, what was called at payments. */
async function undo(...actions: readonly string[]): Promise<void> {
  const called = kafka
    .records('atone.commands.payments')
    .map(({ value }) => JSON.parse(value ?? '') as BranchCommand);
  const place = { topic: 'atone.commands.payments', replyTo: { topic: 'atone.replies', partition: 0 } };
  const origin = { source: '/', nowMs: clock.now() };
  const records = actions.flatMap((name) => {
    const command = called.find(({ action: one }) => one === name);
    return command === undefined ? [] : [commandRecord({ ...command, op: 'compensate' }, place, origin)];
  });
  await kafka.client().send(records);
}

async function pause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    world.clock.setTimer(ms, resolve);
  });
}
