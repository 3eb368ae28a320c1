import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { branchReplySchema } from '@atone/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { codeBlocks, readText, tableRows } from '../docs/markdown.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { servicesOf, composeFile } from './compose.file.js';
import { PromQuery, type Sample } from './promql.query.js';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const DASHBOARD = JSON.parse(readText('deploy/grafana/dashboards/atone.json')) as Dashboard;
const PROMETHEUS = parse(readText('deploy/prometheus/prometheus.yml')) as {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly authorization: { readonly credentials_file: string };
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
};
const ALERTS = readText('deploy/prometheus/alerts.yml');
const RULES = (
  parse(ALERTS) as {
    readonly groups: readonly {
      readonly rules: readonly { readonly alert: string; readonly expr: string }[];
    }[];
  }
).groups.flatMap(({ rules }) => rules);

/** The labels of each metric, as the manual has them; another test holds it to the coordinator. */
const LABELS = new Map(
  tableRows(readText('docs/metrics.md')).map(([name = '', type, labels = '']) => [
    name.replaceAll('`', ''),
    { type, labels: [...labels.matchAll(/\w+/gu)].map(([label]) => label) },
  ]),
);

const QUERIES = [
  ...DASHBOARD.panels.flatMap(({ targets }) => targets),
  ...RULES.map(({ expr }) => ({ expr, legendFormat: '' })),
].map(({ expr, legendFormat }) => ({ expr, legendFormat, query: new PromQuery(expr) }));

/** What Prometheus itself tells of each target. */
const BY_PROMETHEUS = new Map([['up', ['job', 'instance']]]);

/** Which alert is to fire when. */
const TROUBLES: readonly (readonly [string, string, readonly Sample[]])[] = [
  ['AtoneStuck', 'one is stuck in the log', [sample('atone_transactions_stuck', 1, { reason: 'refused' })]],
  ['AtoneStuck', 'one is stuck that the log does not hold', [sample('atone_transactions_heard_stuck', 1)]],
  ['AtoneDown', 'one of two does not answer', [sample('up', 0, { job: 'atone', instance: 'b' })]],
  ['AtoneNotReady', 'one of two is not ready', [sample('atone_ready', 0, { instance: 'b' })]],
  ['AtoneLogAway', 'the log does not answer', [sample('atone_log_up', 0)]],
  ['AtoneLogAway', 'a lease was not renewed', [sample('atone_lease_renewal_failures_total', 1)]],
  ['AtoneTakeovers', 'many were taken over', [sample('atone_transactions_taken_over_total', 101)]],
  ['AtoneOverloaded', 'some were refused', [sample('atone_transactions_refused_total', 1)]],
  [
    'AtoneUnanswered',
    'more than half of what was asked',
    [
      sample('atone_replies_total', 3, { transport: 'http', op: 'action', outcome: 'unknown' }),
      sample('atone_replies_total', 2, { transport: 'http', op: 'action', outcome: 'done' }),
    ],
  ],
  ['AtoneWithoutPartitions', 'one of two reads none', [sample('atone_kafka_reply_partitions', 0)]],
  ['AtoneDeadLetters', 'a record was buried', [sample('atone_kafka_dead_letters_total', 1)]],
];

let database: TestDatabase;
let coordinator: TestCoordinator;
let told: ReadonlySet<string>;
let scraped: readonly Sample[];

beforeAll(async () => {
  database = await createTestDatabase();
  coordinator = await TestCoordinator.start({ databaseUrl: database.url });
  const text = await (await fetch(`${coordinator.url}/metrics`)).text();
  scraped = samplesOf(text);
  told = new Set([...text.matchAll(/^# TYPE (?<name>\S+)/gmu)].map(([, name = '']) => name));
});

afterAll(async () => {
  await coordinator.close();
  await database.drop();
});

describe('the dashboard and the alerts', () => {
  test('use metrics that a coordinator has', () => {
    const used = new Set(QUERIES.flatMap(({ query }) => metricsIn(query)));

    expect(used.size).toBeGreaterThan(20);
    expect([...used].filter((name) => !told.has(name) && !BY_PROMETHEUS.has(name))).toEqual([]);
  });

  test('show every metric of Atone', () => {
    const used = new Set(
      DASHBOARD.panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr }) => metricsIn(new PromQuery(expr))),
      ),
    );
    const own = [...told].filter((name) => name.startsWith('atone_') && name !== 'atone_build_info');

    expect(own.filter((name) => !used.has(name))).toEqual([]);
  });

  test('choose, group and name by labels that these have', () => {
    const wrong = QUERIES.flatMap(({ expr, legendFormat, query }) => {
      const known = new Set(['instance', 'le', ...metricsIn(query).flatMap(labelsOf)]);
      const shown = [...legendFormat.matchAll(/\{\{(?<label>\w+)\}\}/gu)].map(([, label = '']) => label);
      const strangers = [...query.groupings, ...shown].filter((label) => !known.has(label));
      const misplaced = query.selectors.flatMap(({ metric, matchers }) =>
        matchers.filter(({ label }) => label !== 'instance' && !labelsOf(familyOf(metric)).includes(label)),
      );
      return [...strangers, ...misplaced.map(({ label }) => label)].map((label) => `${label}: ${expr}`);
    });

    expect(wrong).toEqual([]);
  });

  test('choose by values that these labels may have', () => {
    const chosen = QUERIES.flatMap(({ query }) => query.selectors).flatMap(({ metric, matchers }) =>
      matchers
        .filter(({ label }) => label !== 'instance')
        .map(({ value, label }) => ({ metric, label, value })),
    );

    expect(chosen.length).toBeGreaterThan(0);
    expect(chosen.filter((each) => !isValue(each))).toEqual([]);
  });

  test('take rates of what only rises, and never the sum of what each coordinator says of the same log', () => {
    const raw = QUERIES.filter(({ expr, query }) =>
      metricsIn(query).some(
        (name) => name.startsWith('atone_') && name.endsWith('_total') && !/rate\(|increase\(/u.test(expr),
      ),
    );
    const shared = /sum(?: by \([^)]*\))? ?\(atone_transactions_(?:live|paused|oldest)/u;

    expect(raw).toEqual([]);
    expect(QUERIES.filter(({ expr }) => shared.test(expr))).toEqual([]);
  });
});

describe('the alerts', () => {
  test('are silent where all is well', () => {
    const well = [...scraped, sample('up', 1, { job: 'atone' })];

    expect(firing(well)).toEqual([]);
  });

  test.each(TROUBLES)('%s fires when %s', (alert, _what, bad) => {
    const names = new Set(bad.map(({ name }) => name));
    const rest = [...scraped, sample('up', 1, { job: 'atone' })].filter(
      ({ name, labels }) =>
        !names.has(name) || bad.every((each) => each.labels['instance'] !== labels['instance']),
    );

    expect(firing([...rest, ...bad])).toEqual([alert]);
  });

  test('have nothing to look at, and say so, where no coordinator is there at all', () => {
    expect(firing([])).toEqual(['AtoneDown', 'AtoneNotReady']);
  });

  test('can each fire', () => {
    expect(new Set(TROUBLES.map(([alert]) => alert))).toEqual(new Set(RULES.map(({ alert }) => alert)));
  });
});

describe('the panel of stuck transactions', () => {
  const { expr = '' } = DASHBOARD.panels.find(({ title }) => title === 'Stuck')?.targets[0] ?? {};
  const inLog = [
    ...both('atone_transactions_stuck', 2, { reason: 'refused' }),
    ...both('atone_transactions_stuck', 1, { reason: 'code' }),
  ];
  const heard = both('atone_transactions_heard_stuck', 4);

  test.each<readonly [string, readonly Sample[], number]>([
    ['nothing at all', [], 0],
    ['what the log holds, counted once', [...inLog, ...both('atone_transactions_heard_stuck', 0)], 3],
    ['what the log holds, where nobody tells of the rest', inLog, 3],
    ['what only participants tell of', heard, 4],
    ['both', [...inLog, ...heard], 7],
  ])('shows %s', (_what, samples, expected) => {
    expect(new PromQuery(expr).evaluate(samples).map(({ value }) => value)).toEqual([expected]);
  });
});

describe('the dashboard', () => {
  test('asks the data source that is provisioned', () => {
    const { datasources } = parse(readText('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      readonly datasources: readonly { readonly uid: string; readonly url: string }[];
    };

    expect(datasources.map(({ uid }) => uid)).toEqual([
      ...new Set(DASHBOARD.panels.map((each) => each.datasource.uid)),
    ]);
    expect(datasources.map(({ url }) => new URL(url).hostname)).toEqual(['prometheus']);
  });

  test('has panels that fit beside each other', () => {
    const cells = DASHBOARD.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );

    expect(new Set(cells).size).toBe(cells.length);
    expect(DASHBOARD.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});

describe('prometheus.yml', () => {
  test('reads all coordinators of docker-compose.yml, with their token', () => {
    const [job] = PROMETHEUS.scrape_configs;
    const expected = servicesOf('coordinator').map(
      ([name, { environment = {} }]) => `${name}:${environment['ATONE_HTTP_PORT']}`,
    );
    const { prometheus } = composeFile().services as Readonly<
      Record<
        string,
        { readonly configs?: readonly { readonly target: string }[]; readonly volumes?: readonly string[] }
      >
    >;

    expect(job?.static_configs.flatMap(({ targets }) => targets)).toEqual(expected);
    expect(prometheus?.configs?.map(({ target }) => target)).toEqual([job?.authorization.credentials_file]);
    for (const file of PROMETHEUS.rule_files) {
      expect(prometheus?.volumes?.join('\n')).toContain(`:/etc/prometheus/${file}:ro`);
    }
  });

  test('has the alerts that the manual shows', () => {
    const shown = codeBlocks(readText('docs/metrics.md')).map(({ text }) => text);

    expect(shown).toContain(ALERTS);
  });
});

/** Returns the metrics that a query names. */
function metricsIn(query: PromQuery): string[] {
  return query.selectors.map(({ metric }) => familyOf(metric));
}

/** A histogram has no value of its own name. */
function familyOf(metric: string): string {
  const family = metric.replace(/_(?:bucket|sum|count)$/u, '');
  return LABELS.get(family)?.type === 'histogram' ? family : metric;
}

function labelsOf(metric: string): readonly string[] {
  return LABELS.get(metric)?.labels ?? BY_PROMETHEUS.get(metric) ?? [];
}

function isValue({ metric, label, value }: Readonly<Record<'metric' | 'label' | 'value', string>>): boolean {
  if (label === 'job') {
    return PROMETHEUS.scrape_configs.some(({ job_name: name }) => name === value);
  }
  const read = branchReplySchema.safeParse({ outcome: value });
  const isReply = read.success || read.error.issues.every(({ code }) => code !== 'invalid_union');
  return metric === 'atone_replies_total' && label === 'outcome' && isReply;
}

function sample(name: string, value: number, labels: Readonly<Record<string, string>> = {}): Sample {
  return { name, value, labels: { instance: 'a', ...labels } };
}

/** As two coordinators say it of the log that they share. */
function both(...[name, value, labels]: Parameters<typeof sample>): Sample[] {
  return ['a', 'b'].map((instance) => sample(name, value, { ...labels, instance }));
}

/** Reads what a coordinator tells, as of the instance `a`. */
function samplesOf(text: string): readonly Sample[] {
  return [...text.matchAll(/^(?<name>[a-z]\w*)(?:\{(?<labels>[^}]*)\})? (?<value>\S+)$/gmu)].map(
    ([, name = '', labels = '', value]) => {
      const pairs = [...labels.matchAll(/(?<label>\w+)="(?<text>[^"]*)"/gu)];
      return sample(name, Number(value), Object.fromEntries(pairs.map(([, key, each]) => [key, each])));
    },
  );
}

function firing(samples: readonly Sample[]): readonly string[] {
  return RULES.filter(({ expr }) => new PromQuery(expr).evaluate(samples).length > 0).map(
    ({ alert }) => alert,
  );
}
