import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { guardDataSource } from '../data-source.guard.js';
import type { LocalDatabase, OpenTransaction, SqlSession } from '../database.port.js';
import { MisuseError } from '../participant.error.js';
import { adoptRunner, type BranchRunner } from './typeorm.guard.js';

/**
 * Reaches the participant's database by TypeORM. From here on the data source refuses writes that a handler sends past
 * its transaction.
 *
 * @throws MisuseError if `dataSource` is none, or none of PostgreSQL.
 */
export function typeormDatabase(dataSource: DataSource): LocalDatabase<EntityManager> {
  if (typeof dataSource.createQueryRunner !== 'function') {
    throw new MisuseError(
      'typeormDatabase needs the DataSource itself: pass `dataSource`, not its manager or a repository.',
    );
  }
  if (!/postgres|cockroachdb/u.test(dataSource.options.type)) {
    throw new MisuseError(
      `The barrier works in PostgreSQL, and this DataSource is of type '${dataSource.options.type}'. Pass one of type 'postgres'.`,
    );
  }
  guardDataSource(dataSource);
  return {
    connectionCountMax: poolSizeOf(dataSource),
    transaction: (work) => runTransaction(dataSource, work),
    session(manager) {
      const runner = manager.queryRunner;
      if (runner?.isTransactionActive !== true) {
        throw new MisuseError(
          'This EntityManager has no open transaction: each of its statements commits on its own. Pass ' +
            'branch.transaction, or the manager that `dataSource.transaction(async (manager) => …)` hands in.',
        );
      }
      return sessionOf((...args) => runner.query(...args));
    },
  };
}

/** Where nothing is said, the pool of pg has 10. */
function poolSizeOf({ options }: DataSource): number {
  const { poolSize, extra } = options as { poolSize?: number; extra?: { max?: number } };
  return extra?.max ?? poolSize ?? 10;
}

async function runTransaction<Result>(
  dataSource: DataSource,
  work: (open: OpenTransaction<EntityManager>) => Promise<Result>,
): Promise<Result> {
  const runner = dataSource.createQueryRunner();
  const branchRunner = adoptRunner(runner);
  try {
    await runner.startTransaction('READ COMMITTED');
    return await commitAfter(runner, branchRunner, work);
  } catch (error) {
    branchRunner.end();
    // A failed rollback means a lost connection, which rolls back by itself.
    await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

async function commitAfter<Result>(
  runner: QueryRunner,
  branchRunner: BranchRunner,
  work: (open: OpenTransaction<EntityManager>) => Promise<Result>,
): Promise<Result> {
  branchRunner.open();
  const sql = sessionOf(branchRunner.query);
  const result = await work({ transaction: runner.manager, sql, seal: () => branchRunner.seal() });
  branchRunner.end();
  await runner.commitTransaction();
  return result;
}

type Send = (text: string, params: unknown[] | undefined, isStructured: true) => Promise<unknown>;

function sessionOf(send: Send): SqlSession {
  return {
    async execute(text, params) {
      const result = (await send(text, params === undefined ? undefined : [...params], true)) as {
        records?: Record<string, unknown>[];
        affected?: number | null;
      };
      return { rows: result.records ?? [], affectedCount: result.affected ?? 0 };
    },
  };
}
