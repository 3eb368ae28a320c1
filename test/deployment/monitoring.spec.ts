import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { codeBlocks, readText, tableRows } from '../docs/markdown.js';
import { TestCoordinator } from '../harness/test.coordinator.js';
import { servicesOf, composeFile } from './compose.file.js';

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
    readonly authorization: { readonly credentials_file: string };
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
};
const ALERTS = readText('deploy/prometheus/alerts.yml');

/** The labels of each metric, as the manual has them; another test holds it to the coordinator. */
const LABELS = new Map(
  tableRows(readText('docs/metrics.md')).map(([name = '', type, labels = '']) => [
    name.replaceAll('`', ''),
    { type, labels: [...labels.matchAll(/\w+/gu)].map(([label]) => label) },
  ]),
);

const QUERIES = [
  ...DASHBOARD.panels.flatMap(({ targets }) => targets),
  ...[...ALERTS.matchAll(/expr: (?<expr>.+)/gu)].map(([, expr = '']) => ({ expr, legendFormat: '' })),
];

let database: TestDatabase;
let coordinator: TestCoordinator;
let told: ReadonlySet<string>;

beforeAll(async () => {
  database = await createTestDatabase();
  coordinator = await TestCoordinator.start({ databaseUrl: database.url });
  const text = await (await fetch(`${coordinator.url}/metrics`)).text();
  told = new Set([...text.matchAll(/^# TYPE (?<name>\S+)/gmu)].map(([, name = '']) => name));
});

afterAll(async () => {
  await coordinator.close();
  await database.drop();
});

describe('the dashboard and the alerts', () => {
  test('use metrics that a coordinator has', () => {
    const used = new Set(QUERIES.flatMap(({ expr }) => metricsIn(expr)));

    expect(used.size).toBeGreaterThan(20);
    expect([...used].filter((name) => !told.has(name))).toEqual([]);
  });

  test('show every metric of Atone', () => {
    const used = new Set(
      DASHBOARD.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr))),
    );
    const own = [...told].filter((name) => name.startsWith('atone_') && name !== 'atone_build_info');

    expect(own.filter((name) => !used.has(name))).toEqual([]);
  });

  test('group and name by labels that these have', () => {
    const wrong = QUERIES.filter(({ expr, legendFormat }) => {
      const known = new Set([
        'instance',
        'le',
        ...metricsIn(expr).flatMap((name) => LABELS.get(name)?.labels ?? []),
      ]);
      const grouped = [...expr.matchAll(/by \((?<labels>[^)]*)\)/gu)].flatMap(([, labels = '']) =>
        labels.split(/, */u),
      );
      const shown = [...legendFormat.matchAll(/\{\{(?<label>\w+)\}\}/gu)].map(([, label = '']) => label);
      return [...grouped, ...shown].some((label) => !known.has(label));
    });

    expect(wrong).toEqual([]);
  });

  test('take rates of what only rises, and never the sum of what each coordinator says of the same log', () => {
    const raw = QUERIES.filter(({ expr }) =>
      metricsIn(expr).some(
        (name) => name.startsWith('atone_') && name.endsWith('_total') && !/rate\(|increase\(/u.test(expr),
      ),
    );
    const shared = /sum(?: by \([^)]*\))? ?\(atone_transactions_(?:live|paused|oldest)/u;

    expect(raw).toEqual([]);
    expect(QUERIES.filter(({ expr }) => shared.test(expr))).toEqual([]);
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
function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/\b(?:atone|process|nodejs)_[a-z0-9_]+/gu)].map(([name]) => {
    const family = name.replace(/_(?:bucket|sum|count)$/u, '');
    return LABELS.get(family)?.type === 'histogram' ? family : name;
  });
}
