import { refuseWritePastBranch } from './write-guard.js';

const HOW_TO = '$.getRepository(Order).save(order), or $.query(…)';

const GUARDED = Symbol.for('atone.guarded-data-source');
const UNGUARDED = Symbol.for('atone.unguarded-query');

/** What the guard needs of a DataSource of TypeORM. Told here, so that nobody needs TypeORM to compile. */
export interface GuardableDataSource {
  createQueryRunner(...args: never[]): object;
}

/** The `query` of a query runner. */
export type RunnerQuery = (text: string, params?: unknown[], isStructured?: boolean) => Promise<unknown>;

interface Runner {
  [UNGUARDED]?: RunnerQuery;
  query: RunnerQuery;
  stream: (...args: unknown[]) => Promise<unknown>;
}

/**
 * Makes every query runner of `dataSource`, and so every repository, refuse writes while a handler runs. Does nothing
 * the second time.
 *
 * For DataSources that Atone does not know: the one of `typeormDatabase` is guarded already, and in NestJS every other
 * one that is a provider.
 */
export function guardDataSource(dataSource: GuardableDataSource): void {
  const guarded = dataSource as GuardableDataSource & { [GUARDED]?: true };
  if (guarded[GUARDED]) {
    return;
  }
  guarded[GUARDED] = true;
  const create = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (...args) => guardRunner(create(...args) as Runner);
}

/** Returns the `query` of `runner` for the library's own use. */
export function unguardedQuery(runner: object): RunnerQuery {
  const { [UNGUARDED]: unguarded, query } = runner as Runner;
  return unguarded ?? query.bind(runner);
}

function guardRunner(runner: Runner): Runner {
  // Drivers with a single connection hand out one and the same runner every time.
  if (runner[UNGUARDED] !== undefined) {
    return runner;
  }
  const query = runner.query.bind(runner);
  const stream = runner.stream.bind(runner);
  const guards: Runner = {
    [UNGUARDED]: query,
    query: async (...args) => {
      refuseWritePastBranch(args[0], HOW_TO);
      return query(...args);
    },
    stream: async (...args) => {
      refuseWritePastBranch(args[0], HOW_TO);
      return stream(...args);
    },
  };
  return Object.assign(runner, guards);
}
