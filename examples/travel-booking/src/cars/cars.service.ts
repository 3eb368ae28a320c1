import { RefusedError, startAtone } from '@atone/participant';
import type { ActionHandler, BranchContext, InputOf } from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import express from 'express';
import { Pool, type PoolClient } from 'pg';
import { cars } from '../contracts.js';
import type { Environment } from '../environment.js';

// The cars, without a framework: Express, the library, and this file.

/** Of what moves nothing is unique, on purpose: what happened twice is seen. */
export const TABLES = `
create table if not exists fleet (city text primary key, price_cents integer not null, total integer not null,
  free integer not null check (free >= 0), held integer not null default 0, taken integer not null default 0);
create table if not exists move (gid uuid not null, branch_id text not null, trip_no integer not null,
  place text not null, kind text not null, quantity integer not null default 1)`;
/** Adds to each garage what is missing to the cars that it ever had. */
const FILL = `
insert into fleet as old (city, price_cents, total, free) select city, "priceCents", cars, cars
from jsonb_to_recordset($1) as given (city text, cars integer, "priceCents" integer)
on conflict (city) do update set free = old.free + excluded.total - old.total, total = excluded.total
where excluded.total > old.total`;
const MOVES = {
  hold: 'update fleet set free = free - 1, held = held + 1 where city = $1 and free > 0 returning price_cents',
  confirm: 'update fleet set held = held - 1, taken = taken + 1 where city = $1 returning price_cents',
  cancel: 'update fleet set held = held - 1, free = free + 1 where city = $1 returning price_cents',
};
const NOTE = 'insert into move (kind, gid, branch_id, trip_no, place) values ($1, $2, $3, $4, $5)';

type Branch = Pick<BranchContext<PoolClient>, 'gid' | 'branchId' | 'transaction'>;

async function move(kind: keyof typeof MOVES, input: unknown, branch: Branch): Promise<number> {
  const { tripNo, city } = input as InputOf<typeof cars.hold>;
  const { rows } = await branch.transaction.query<{ price_cents: number }>(MOVES[kind], [city]);
  if (rows[0] === undefined) throw new RefusedError('no car', { city });
  await branch.transaction.query(NOTE, [kind, branch.gid, branch.branchId, tripNo, city]);
  return rows[0].price_cents;
}

export const holdCar: ActionHandler<PoolClient> = {
  contract: cars.hold,
  run: async (input, branch) => ({ priceCents: await move('hold', input, branch) }),
  confirm: async (end) => void (await move('confirm', end.input, end)),
  compensate: async (undo) => void (await move('cancel', undo.input, undo)),
};

/** Starts the service. Returns where it is, and what stops it. */
export async function startCars({ DATABASE_URL, COORDINATOR_URL, PORT }: Environment, log?: false) {
  const pool = new Pool({ connectionString: DATABASE_URL, max: 20 });
  await pool.query(TABLES);
  const atone = await startAtone({
    service: 'cars',
    coordinator: { url: COORDINATOR_URL },
    database: pgDatabase(pool),
    handlers: [holdCar],
    barrier: { migrate: true },
    log,
  });
  const app = express().post('/atone/v1/commands', atone.listener); // before anything that reads bodies
  app.get('/health', async (_request, response) => void response.json((await pool.query('select 1')).rows));
  app.put('/fleet', express.text({ type: '*/*' }), async ({ body }: { body: string }, response) => {
    response.json((await pool.query(FILL, [body])).rowCount);
  });
  const server = app.listen(PORT, '127.0.0.1');
  const url = await atone.announce(server);
  const close = async (): Promise<void> => {
    await atone.close();
    server.close().closeIdleConnections();
    await pool.end();
  };
  return { url, close };
}
