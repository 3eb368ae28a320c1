import type { RowFilter, RowState, StoredRow } from '@atone/engine';
import type { DataSource, SelectQueryBuilder } from 'typeorm';
import { GlobalTransactionEntity } from './entity/global-transaction.entity.js';
import { IdempotencyKeyEntity } from './entity/idempotency-key.entity.js';
import { gidFloor } from './partitions.js';
import { ROW_EXPRESSIONS, tagElement, toStoredRow } from './row.mapper.js';
import type { RawRow } from './row.mapper.js';

type Query = SelectQueryBuilder<GlobalTransactionEntity>;

const STATES_OF_OUTCOME: Readonly<Record<NonNullable<RowFilter['outcome']>, readonly RowState[]>> = {
  undecided: ['active', 'running'],
  committed: ['committing', 'committed'],
  aborted: ['aborting', 'aborted'],
};

/** A gid's time and the time of acceptance are of different clocks. Twice what is ever allowed between them. */
const CLOCK_SKEW_MAX_MS = 3_600_000;

/** How many of the newest rows are looked through before the index of services or tags is asked. */
const NEAR_COUNT = 2_000;

/**
 * Returns the rows that the filter names, newest first.
 *
 * For a service or a tag the planner cannot know whether to go back in time until enough are found, which takes for
 * ever for a rare one, or to collect all there are by the index, which does so for a frequent one. So the newest rows
 * are looked through, and only where these are not enough the index gives the others.
 */
export async function listRows(dataSource: DataSource, filter: RowFilter): Promise<StoredRow[]> {
  if (filter.service === undefined && filter.tag === undefined) {
    return fetchRows(restricted(dataSource, filter).orderBy('t.gid', 'DESC'), filter.limit);
  }
  const farBelow = await farGid(dataSource, filter);
  const near = restricted(dataSource, filter).orderBy('t.gid', 'DESC');
  if (farBelow === undefined) return fetchRows(near, filter.limit);

  const nearRows = await fetchRows(near.andWhere('t.gid >= :farBelow', { farBelow }), filter.limit);
  if (nearRows.length === filter.limit) return nearRows;
  const far = restricted(dataSource, { ...filter, afterGid: farBelow });
  // The same order, in which no index holds them: they must be collected first.
  far.orderBy('cast(t.gid as text) collate "C"', 'DESC');
  return [...nearRows, ...(await fetchRows(far, filter.limit - nearRows.length))];
}

/** Returns the gid that is the last of the newest rows, or undefined if there are not that many. */
async function farGid(dataSource: DataSource, filter: RowFilter): Promise<string | undefined> {
  const query = dataSource.createQueryBuilder().select('t.gid', 'gid').from(GlobalTransactionEntity, 't');
  restrictTime(query, filter);
  const last = await query.orderBy('t.gid', 'DESC').offset(NEAR_COUNT).limit(1).getRawOne<{ gid: string }>();
  return last?.gid;
}

function restricted(dataSource: DataSource, filter: RowFilter): Query {
  const query = dataSource.createQueryBuilder().from(GlobalTransactionEntity, 't');
  for (const [index, [expression, field]] of ROW_EXPRESSIONS.entries()) {
    if (index === 0) query.select(expression, field);
    else query.addSelect(expression, field);
  }
  restrictState(query, filter);
  restrictAttention(query, filter);
  restrictIdentity(query, filter);
  restrictTime(query, filter);
  return query;
}

async function fetchRows(query: Query, limit: number): Promise<StoredRow[]> {
  const rows = await query.limit(limit).getRawMany<RawRow>();
  return rows.map(toStoredRow);
}

function restrictState(query: Query, { state, outcome }: RowFilter): void {
  if (state !== undefined) restrictStates(query, 'state', [state]);
  if (outcome !== undefined) restrictStates(query, 'outcome', STATES_OF_OUTCOME[outcome]);
}

function restrictStates(query: Query, parameter: string, states: readonly RowState[]): void {
  query.andWhere(`t.state in (:...${parameter})`, { [parameter]: states });
  // Follows from the state; said aloud, because the index of the live rows has it as its condition.
  if (states.every((state) => state !== 'committed' && state !== 'aborted')) {
    query.andWhere('t.finishedAt is null');
  }
}

function restrictAttention(query: Query, { isStuck, stuckReason, isPaused }: RowFilter): void {
  if (isStuck !== undefined) query.andWhere(isStuck ? 't.stuckAt is not null' : 't.stuckAt is null');
  if (stuckReason !== undefined) {
    query.andWhere('t.stuckAt is not null and t.stuckReason = :stuckReason', { stuckReason });
  }
  if (isPaused !== undefined) query.andWhere(isPaused ? 't.isPaused' : 'not t.isPaused');
}

function restrictIdentity(query: Query, { name, service, tag, idempotencyKey }: RowFilter): void {
  if (name !== undefined) query.andWhere('t.name = :name', { name });
  if (service !== undefined) query.andWhere('t.services @> array[cast(:service as text)]', { service });
  if (tag !== undefined) {
    query.andWhere(`t.tags @> array[cast(:tag as text)] and t.tags <> '{}'`, {
      tag: tagElement(tag.name, tag.value),
    });
  }
  if (idempotencyKey !== undefined) {
    const gidOfKey = query
      .subQuery()
      .select('k.gid')
      .from(IdempotencyKeyEntity, 'k')
      .where('k.key = :idempotencyKey and k.expiresAt > now()');
    query.andWhere(`t.gid = ${gidOfKey.getQuery()}`, { idempotencyKey });
  }
}

/** From `acceptedFrom` on, and before `acceptedTo`. The bounds of the gid leave out other days' partitions. */
function restrictTime(query: Query, { acceptedFrom, acceptedTo, afterGid }: RowFilter): void {
  if (afterGid !== undefined) query.andWhere('t.gid < :afterGid', { afterGid });
  if (acceptedFrom !== undefined) {
    query.andWhere('t.gid >= :gidFrom and t.acceptedAt >= :acceptedFrom', {
      gidFrom: gidFloor(acceptedFrom - CLOCK_SKEW_MAX_MS),
      acceptedFrom: new Date(acceptedFrom),
    });
  }
  if (acceptedTo !== undefined) {
    query.andWhere('t.gid < :gidTo and t.acceptedAt < :acceptedTo', {
      gidTo: gidFloor(acceptedTo + CLOCK_SKEW_MAX_MS),
      acceptedTo: new Date(acceptedTo),
    });
  }
}
