import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { handlerOf, RefusedError, startAtone } from '@atone/participant';
import type { ActionHandler, BranchContext, InputOf } from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import express from 'express';
import { Pool, type PoolClient } from 'pg';
import { cars } from '../contracts.js';
import type { Environment } from '../environment.js';
import { commandsBy, openKafka } from '../kafka.connection.js';
import { CREATE_MOVE, CREATE_STOCK, NOTE_MOVE, OFFER } from '../stock/stock.sql.js';

// The cars, without a framework: Express, the library, and this file. The tables are as those of flights and hotels.

const MOVES = {
  hold: 'update stock set free = free - 1, held = held + 1 where item = $1 and free > 0 returning price_cents',
  confirm: 'update stock set held = held - 1, taken = taken + 1 where item = $1 returning price_cents',
  cancel: 'update stock set held = held - 1, free = free + 1 where item = $1 returning price_cents',
};

type Branch = Pick<BranchContext<PoolClient>, 'gid' | 'branchId' | 'transaction'>;
type Hold = InputOf<typeof cars.hold>;

async function move(kind: keyof typeof MOVES, { tripNo, city }: Hold, branch: Branch): Promise<number> {
  const { rows } = await branch.transaction.query<{ price_cents: number }>(MOVES[kind], [city]);
  if (rows[0] === undefined) throw new RefusedError('no car', { city });
  await branch.transaction.query(NOTE_MOVE, [kind, branch.gid, branch.branchId, tripNo, city, 1]);
  return rows[0].price_cents;
}

export const holdCar: ActionHandler<PoolClient> = handlerOf(cars.hold, {
  run: async (input, branch) => ({ priceCents: await move('hold', input, branch) }),
  confirm: async (end) => move('confirm', end.input, end),
  cancel: async (undo) => move('cancel', undo.input, undo),
});

/** Starts the service. Returns where it is, and what stops it. */
export async function startCars(environment: Environment, log?: false) {
  const { DATABASE_URL, COORDINATOR_URL, PORT } = environment;
  const pool = new Pool({ connectionString: DATABASE_URL, max: 20 });
  await pool.query(`${CREATE_STOCK}; ${CREATE_MOVE}`);
  const kafka = await openKafka(environment, 'cars');
  const atone = await startAtone({
    service: 'cars',
    coordinator: { url: COORDINATOR_URL },
    database: pgDatabase(pool),
    handlers: [holdCar],
    barrier: { migrate: true },
    kafka: kafka && commandsBy(kafka, environment),
    log,
  });
  const app = express().post('/atone/v1/commands', atone.listener); // before anything that reads bodies
  app.get('/health', async (_request, response) => void response.json((await pool.query('select 1')).rows));
  app.put('/stock', express.text({ type: '*/*' }), async ({ body }: { body: string }, response) => {
    await pool.query(OFFER, [body]);
    response.end();
  });
  const server = app.listen(PORT, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (kafka === undefined) await atone.announce(url);
  const close = async (): Promise<void> => {
    await atone.close();
    server.close().closeIdleConnections();
    await Promise.all([pool.end(), kafka?.close()]);
  };
  return { url, close };
}
