import { readFileSync } from 'node:fs';
import { happyScript, refusing, ScriptedTransport, type Script } from '@atone/engine/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import { readExposition, valuesOf, type Family } from '../testing/exposition.reader.js';
import { planOf, TestCoordinator } from '../testing/test.coordinator.js';
import { KAFKA_TRANSPORT, TRANSPORT } from '../tokens.js';
import { CoordinatorMetrics } from './coordinator.metrics.js';
import { MeteredTransport } from './metered.transport.js';
import { Meters } from './meters.js';

let world: TestCoordinator | undefined;

afterEach(async () => {
  await world?.close();
  world = undefined;
});

type Settings = Parameters<(typeof TestCoordinator)['start']>[0];

/** Starts a coordinator whose transport is metered as that of production is. */
async function start({ script = happyScript, ...settings }: Settings = {}): Promise<TestCoordinator> {
  const transport = {
    provide: TRANSPORT,
    useFactory: (meters: Meters) => new MeteredTransport(new ScriptedTransport(script), 'http', meters),
    inject: [Meters],
  };
  world = await TestCoordinator.start({
    ...settings,
    overrides: [transport, ...(settings.overrides ?? [])],
  });
  return world;
}

async function scrape(from: TestCoordinator): Promise<ReadonlyMap<string, Family>> {
  const { status, body } = await from.ask('GET', '/metrics');
  expect(status).toBe(200);
  return readExposition(String(body));
}

const WAITING = { wait: '10s' };

const BROKEN: Script = () => ({ outcome: 'unknown', error: { class: 'code', message: 'TypeError' } });

describe('GET /metrics', () => {
  test('answers in the text format of Prometheus, with the metrics of the process', async () => {
    const coordinator = await start();

    const { headers, body } = await coordinator.ask('GET', '/metrics');

    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const names = [...readExposition(String(body)).keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        'process_cpu_seconds_total',
        'nodejs_eventloop_lag_p99_seconds',
        'atone_ready',
      ]),
    );
  });

  test('wants the token that the API wants', async () => {
    const token = 'correct-horse-battery';
    const coordinator = await start({ environment: { ATONE_API_TOKEN: token } });

    const without = await coordinator.ask('GET', '/metrics');
    const withIt = await coordinator.ask('GET', '/metrics', {
      headers: { authorization: `Bearer ${token}` },
    });

    expect([without.status, withIt.status]).toEqual([401, 200]);
  });

  test('tells exactly what became of a run of sagas', async () => {
    const coordinator = await start({ script: refusing('charge') });
    for (const actions of [['reserve'], ['reserve', 'ship'], ['reserve', 'charge']]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that no write holds more than one row.
      await coordinator.submit(planOf(...actions), WAITING);
    }

    const metrics = await scrape(coordinator);

    const told = (name: string): Readonly<Record<string, number>> => valuesOf(metrics.get(name));
    expect(told('atone_transactions_accepted_total')).toEqual({ 'kind=saga': 3 });
    expect(told('atone_transactions_ended_total')).toEqual({
      'kind=saga outcome=committed': 2,
      'kind=saga outcome=aborted': 1,
    });
    expect(told('atone_commands_sent_total')).toEqual({
      'op=action transport=http': 5,
      'op=compensate transport=http': 1,
    });
    expect(told('atone_replies_total')).toEqual({
      'op=action outcome=done transport=http': 4,
      'op=action outcome=refused transport=http': 1,
      'op=compensate outcome=undone transport=http': 1,
    });
    expect(told('atone_transactions_driven')).toEqual({ '': 0 });
    expect(told('atone_transactions_live')).toEqual({
      'state=active': 0,
      'state=running': 0,
      'state=committing': 0,
      'state=aborting': 0,
    });
    expect(told('atone_transactions_oldest_stuck_age_seconds')).toEqual({ '': 0 });
    expect(countOf(metrics, 'atone_transaction_duration_seconds')).toEqual({
      'kind=saga outcome=committed': 2,
      'kind=saga outcome=aborted': 1,
    });
    // Three acceptances, three ends, and the change of direction.
    expect(countOf(metrics, 'atone_log_flush_rows')).toEqual({ 'lane=accept': 3, 'lane=update': 4 });
    expect(countOf(metrics, 'atone_log_flush_duration_seconds')).toEqual({
      'lane=accept': 3,
      'lane=update': 4,
    });
  });

  test('tells who is stuck, why, and for how long', async () => {
    const coordinator = await start({ script: BROKEN });
    await coordinator.submit(planOf('reserve'), WAITING);

    const metrics = await scrape(coordinator);

    expect(valuesOf(metrics.get('atone_transactions_got_stuck_total'))).toEqual({ 'reason=code': 1 });
    expect(valuesOf(metrics.get('atone_transactions_stuck'))).toEqual({ 'reason=code': 1 });
    expect(valuesOf(metrics.get('atone_transactions_live'))).toMatchObject({ 'state=running': 1 });
    expect(valuesOf(metrics.get('atone_transactions_oldest_stuck_age_seconds'))['']).toBeGreaterThanOrEqual(
      0,
    );
  });

  test('counts what a full house turns away', async () => {
    const coordinator = await start({
      script: () => undefined,
      environment: { ATONE_ACTIVE_COUNT_MAX: '1' },
    });
    await coordinator.submit(planOf('reserve'));
    expect((await coordinator.submit(planOf('reserve'))).status).toBe(503);

    const metrics = await scrape(coordinator);

    expect(valuesOf(metrics.get('atone_transactions_refused_total'))).toEqual({ '': 1 });
    expect(valuesOf(metrics.get('atone_transactions_driven'))).toEqual({ '': 1 });
  });

  test('while the log does not answer, leaves out what only the log can tell, and says so', async () => {
    const coordinator = await start({
      log: (log) =>
        new Proxy(log, {
          get: (target, name) =>
            name === 'counts' ? async () => Promise.reject(new Error('gone')) : Reflect.get(target, name),
        }),
    });

    await scrape(coordinator);
    const metrics = await scrape(coordinator);

    expect(valuesOf(metrics.get('atone_log_up'))).toEqual({ '': 0 });
    expect(valuesOf(metrics.get('atone_log_failures_total'))).toEqual({ 'call=counts': 1 });
    expect(metrics.get('atone_transactions_live')?.samples).toEqual([]);
    expect(metrics.get('atone_transactions_paused')?.samples).toEqual([]);
    expect(valuesOf(metrics.get('atone_transactions_driven'))).toEqual({ '': 0 });
  });

  test('without Kafka says nothing of partitions', async () => {
    const metrics = await scrape(await start());

    expect(metrics.get('atone_kafka_reply_partitions')?.samples).toEqual([]);
    expect(valuesOf(metrics.get('atone_kafka_dead_letters_total'))).toEqual({ '': 0 });
  });

  test('with Kafka tells what became of strays, and how many partitions are read here', async () => {
    const kafka = {
      counts: { forwarded: 1, dropped: 2, dead: 4, distrusted: 3 },
      partitions: [0, 5],
      start: async () => undefined,
    };
    const metrics = await scrape(await start({ overrides: [{ provide: KAFKA_TRANSPORT, useValue: kafka }] }));

    const told = [...metrics.keys()].filter((name) => name.startsWith('atone_kafka_'));
    expect(told.map((name) => [name, valuesOf(metrics.get(name))['']])).toEqual([
      ['atone_kafka_replies_forwarded_total', 1],
      ['atone_kafka_replies_dropped_total', 2],
      ['atone_kafka_dead_letters_total', 4],
      ['atone_kafka_distrusted_total', 3],
      ['atone_kafka_reply_partitions', 2],
    ]);
  });
});

describe('docs/metrics.md', () => {
  const page = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');

  test('holds the metrics of the coordinator, as they are', async () => {
    const coordinator = await start();
    const { registry } = coordinator.coordinator.app.get(CoordinatorMetrics);
    const rows = registry.getMetricsAsArray().map(({ name, type, help, ...rest }) => {
      const { labelNames = [] } = rest as { readonly labelNames?: readonly string[] };
      const labels = labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``);
      return `| \`${name}\` | ${String(type)} | ${labels.join(', ')} | ${help} |`;
    });

    expect(rows.filter((row) => !squeezed(page).includes(squeezed(row)))).toEqual([]);
    const known = new Set(registry.getMetricsAsArray().map(({ name }) => name));
    const named = [...page.matchAll(/atone_[a-z_]+/gu)].map(([name]) =>
      name.replace(/_(?:bucket|sum|count)$/u, ''),
    );
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

test('metrics are named as Prometheus has it: base units, and total at the end of what only rises', async () => {
  const coordinator = await start();
  const { registry } = coordinator.coordinator.app.get(CoordinatorMetrics);

  for (const { name, type } of registry.getMetricsAsArray()) {
    expect(name).toMatch(/^atone_[a-z]+(?:_[a-z]+)*$/u);
    expect({ name, isTotal: name.endsWith('_total') }).toEqual({ name, isTotal: String(type) === 'counter' });
    expect(name).not.toMatch(/_(?:ms|millis|minutes)(?:_|$)/u);
  }
});

/** Without the spaces by which a formatter aligns columns. */
function squeezed(markdown: string): string {
  return markdown.replaceAll(/ +/gu, ' ');
}

function countOf(metrics: ReadonlyMap<string, Family>, name: string): Readonly<Record<string, number>> {
  const samples = metrics.get(name)?.samples.filter((sample) => sample.name === `${name}_count`) ?? [];
  return valuesOf({ name, type: 'histogram', help: '', samples });
}
