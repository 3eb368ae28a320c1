import { RefusedError, type ActionContract, type ActionHandler } from '@atone/participant';
import type { PoolClient } from 'pg';
import type { Taking } from './booking.contracts.js';

/*
 * What a service keeps: how much of what there is, how much of it is held by tries, and a journal of all that was done. The
 * journal has no unique key on purpose: should anything ever happen twice, its lines show it.
 */

export const CREATE_LEDGER = `
create table balance (
  name text primary key,
  funded integer not null check (funded >= 0),
  amount integer not null check (amount >= 0),
  held integer not null default 0 check (held >= 0)
);
create table journal (
  line integer primary key generated always as identity,
  gid uuid not null,
  branch_id text not null,
  what text not null check (what in ('take', 'confirm', 'give back')),
  name text not null references balance,
  amount integer not null
)`;

export const FUND = 'insert into balance (name, funded, amount) select unnest($1::text[]), $2, $2';

const TAKE = 'update balance set amount = amount - $2, held = held + $3 where name = $1 and amount >= $2';

const SELL = 'update balance set held = held - $2 where name = $1';

const GIVE_BACK = 'update balance set amount = amount + $2, held = held - $3 where name = $1';

const NOTE = `
insert into journal (gid, branch_id, what, name, amount)
values ($1, $2, $3, $4, $5)
returning line`;

type Meanwhile = (input: never) => Promise<void>;

/** Returns what takes from a ledger, and either confirms or gives back; `meanwhile` runs while what was taken is not committed. */
export function ledgerHandler(contract: ActionContract, meanwhile?: Meanwhile): ActionHandler<PoolClient> {
  const isTry = contract.kind === 'tcc';
  const heldOf = (amount: number): number => (isTry ? amount : 0);
  return {
    contract,
    async run(input, { gid, branchId, transaction }) {
      const { name, amount } = input as Taking;
      const { rowCount } = await transaction.query(TAKE, [name, amount, heldOf(amount)]);
      if (rowCount === 0) {
        throw new RefusedError(`not enough of ${name}`);
      }
      await meanwhile?.(input as never);
      const { rows } = await transaction.query<{ line: number }>(NOTE, [gid, branchId, 'take', name, amount]);
      return { line: rows[0]?.line ?? 0 };
    },
    async compensate({ gid, branchId, input, transaction }) {
      const { name, amount } = input as Taking;
      await transaction.query(GIVE_BACK, [name, amount, heldOf(amount)]);
      await transaction.query(NOTE, [gid, branchId, 'give back', name, amount]);
    },
    ...(isTry ? { confirm } : {}),
  };
}

const confirm: ActionHandler<PoolClient>['confirm'] = async ({ gid, branchId, input, transaction }) => {
  const { name, amount } = input as Taking;
  await transaction.query(SELL, [name, amount]);
  await transaction.query(NOTE, [gid, branchId, 'confirm', name, amount]);
};
