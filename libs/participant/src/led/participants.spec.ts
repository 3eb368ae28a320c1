import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { contract, RefusedError, tryAction } from '../contract.js';
import { startCommandServer, type CommandServer } from '../node/command-server.js';
import { createGlobalTransactions, createServiceCalls, createServiceDirectory } from '../node/led.node.js';
import { systemClock } from '../node/system-clock.js';
import { createParticipant } from '../participant.js';
import { LedWorld } from '../testing/led.world.js';
import { MemoryDatabase, type MemoryTransaction } from '../testing/memory.database.js';
import { createServiceClient } from './service.client.js';
import { currentTransaction } from './transaction.context.js';

const shape = { input: z.object({ nights: z.int() }), output: z.object({ id: z.string() }) };
const hotel = contract('hotel', { hold: tryAction(shape) });
const bank = contract('bank', { hold: tryAction(shape) });

const KEY = { keyId: 'k1', secret: 'open sesame' };
const servers: CommandServer[] = [];
const urls: Record<string, string> = {};
let world: LedWorld;

/** Serves one try over HTTP, signed, behind a barrier in memory. */
async function serve(
  { hold }: typeof hotel,
  run: (input: z.output<typeof shape.input>) => Promise<z.output<typeof shape.output>>,
): Promise<void> {
  const participant = createParticipant<MemoryTransaction>({
    service: hold.service,
    database: new MemoryDatabase().connect(),
    handlers: [
      {
        contract: hold,
        run: (input) => run(input as z.output<typeof shape.input>),
        confirm: async () => undefined,
        compensate: async () => undefined,
      },
    ],
  });
  const server = await startCommandServer({ participant, port: 0, keys: [KEY] });
  servers.push(server);
  urls[hold.service] = new URL(server.url).origin;
}

const calls = createServiceCalls({ directory: createServiceDirectory({ urls }), key: KEY });
const hotels = createServiceClient(hotel, { calls });
const banks = createServiceClient(bank, { calls });

function lead<Result>(work: () => Promise<Result>): Promise<Result> {
  const coordinator = Object.assign(world.coordinator, {
    logInfo: async () => ({
      logNumber: 1,
      epoch: 1,
      now: systemClock.instant(systemClock.now()).toISOString(),
      timeoutMaxMs: 60_000,
    }),
  });
  return createGlobalTransactions({ service: 'trips', coordinator }).run({ name: 'book-trip' }, work);
}

beforeEach(async () => {
  world = new LedWorld();
  await serve(bank, async ({ nights }) => {
    if (nights > 7) {
      throw new RefusedError('no money', { limit: 7 });
    }
    return { id: `hold of ${currentTransaction()?.gid ?? 'nobody'}` };
  });
  await serve(hotel, async ({ nights }) => banks.hold({ nights }));
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

test('what a participant enlists below itself, over HTTP and through barriers, is on the list of its initiator', async () => {
  const { id } = await lead(() => hotels.hold({ nights: 2 }));

  const { decisions, decision } = world.coordinator;
  expect(id).toBe(`hold of ${decisions[0]?.gid ?? ''}`);
  expect(decision).toMatchObject({
    to: 'commit',
    branches: [
      {
        branchId: expect.stringMatching(/^1~[a-z0-9]{6}\.1$/u),
        service: 'bank',
        action: 'hold',
        kind: 'tcc',
      },
      { branchId: '1', service: 'hotel', action: 'hold', kind: 'tcc' },
    ],
  });
  expect(
    decision?.branches.every(({ nonce, inputHash }) => nonce !== undefined && inputHash !== undefined),
  ).toBe(true);
});

test('a refusal two services below is thrown where the first one was called, with its reason and details', async () => {
  await expect(lead(() => hotels.hold({ nights: 9 }))).rejects.toMatchObject({
    name: 'RefusedError',
    reason: 'no money',
    details: { limit: 7 },
    outcome: 'aborted',
  });
});
