import type { KafkaDeployment } from '../harness/kafka.deployment.js';
import { until } from '../harness/until.js';

const HOOKS = new URL('next-format.mjs', import.meta.url).href;
const NEWER = `--import=data:text/javascript,import{register}from'node:module';register('${HOOKS}')`;

/** That of a version to come; the present one is the first. */
const NEXT_FORMAT = 2;

/** Longer than any lease, on a machine with a dozen other programs. */
const PATIENCE_MS = 60_000;

const LEFT = `
select gid, version, state, owner
from atone.global_transaction
where finished_at is null and format = ${NEXT_FORMAT}
order by gid`;

const LIVE_OWNERS = `
select i.instance_id
from atone.instance i
where i.lease_until > now() and (i.facts ->> 'format')::int = ${NEXT_FORMAT}`;

const ENDED_FORMATS = `
select distinct format
from atone.global_transaction
where finished_at is not null
order by format`;

type Row = Readonly<Record<string, unknown>>;

/** What the only newer coordinator has left behind, and what became of it while an older one was alone. */
export interface Left {
  readonly before: readonly Row[];
  readonly after: readonly Row[];
  /** How the older one shows each of them, and how many it counts. */
  readonly seen: readonly Row[];
  readonly unknownCount: number | undefined;
}

/** Starts a coordinator that has left as one of a version to come. */
export async function comeBackNewer(deployment: KafkaDeployment, name: string): Promise<void> {
  await deployment.comeBack(name, { NODE_OPTIONS: NEWER });
}

/** Kills the only newer coordinator while it drives transactions, and waits until its lease is over. It does not come back by itself. */
export async function crashNewerAtWork(deployment: KafkaDeployment, name: string): Promise<void> {
  const newer = deployment.process(name);
  for (let isAtWork = false; !isAtWork;) {
    // oxlint-disable no-await-in-loop -- what it was just writing when it died may have ended all
    newer.start();
    await until(`${name} drives something`, async () => isFrozenAtWork(deployment, name), PATIENCE_MS);
    await newer.crash();
    await until(
      'its lease is over',
      async () => (await rows(deployment, LIVE_OWNERS)).length === 0,
      PATIENCE_MS,
    );
    isAtWork = (await rows(deployment, LEFT)).length > 0;
    // oxlint-enable no-await-in-loop
  }
}

/** Returns what became of the rows in the newer format while `sell` has the older coordinator work. */
export async function leftAlone(
  deployment: KafkaDeployment,
  older: string,
  sell: () => Promise<void>,
): Promise<Left> {
  const client = deployment.client(older);
  const before = await rows(deployment, LEFT);
  await sell();
  const views = await Promise.all(before.map(async ({ gid }) => client.get(String(gid))));
  const { unknownFormat } = await client.counts();
  return {
    before,
    after: await rows(deployment, LEFT),
    seen: views.map(({ format, state, branches, stuck }) => ({ format, state, branches, stuck })),
    unknownCount: unknownFormat,
  };
}

/** Returns in which formats rows have ended. */
export async function endedFormats(deployment: KafkaDeployment): Promise<readonly unknown[]> {
  return (await rows(deployment, ENDED_FORMATS)).map(({ format }) => format);
}

async function isFrozenAtWork(deployment: KafkaDeployment, name: string): Promise<boolean> {
  const newer = deployment.process(name);
  newer.freeze();
  const isAtWork = (await rows(deployment, LEFT)).length > 0;
  if (!isAtWork) {
    newer.thaw();
  }
  return isAtWork;
}

async function rows(deployment: KafkaDeployment, statement: string): Promise<readonly Row[]> {
  return deployment.query('atone', statement);
}
