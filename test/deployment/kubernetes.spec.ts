import { environmentSchema, STOP_MS_MAX } from '@atone/coordinator';
import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { codeBlocks, readText } from '../docs/markdown.js';
import { TestCoordinator } from '../harness/test.coordinator.js';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly { readonly name: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly selector: { readonly matchLabels?: object; readonly app?: string };
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly Container[];
      };
    };
  };
}

const YAML =
  codeBlocks(readText('docs/deployment.md')).find(({ language }) => language === 'yaml')?.text ?? '';
const MANIFESTS = parseAllDocuments(YAML).map((document) => document.toJS() as Manifest);
const POD = MANIFESTS.find(({ kind }) => kind === 'Deployment')?.spec.template;
const [CONTAINER] = POD?.spec.containers ?? [];

let database: TestDatabase;
let coordinator: TestCoordinator;

beforeAll(async () => {
  database = await createTestDatabase();
  coordinator = await TestCoordinator.start({ databaseUrl: database.url });
});

afterAll(async () => {
  await coordinator.close();
  await database.drop();
});

describe('the manifests in docs/deployment.md', () => {
  test('are a deployment, its budget and its service, for the same pods', () => {
    expect(MANIFESTS.map(({ kind }) => kind)).toEqual(['Deployment', 'PodDisruptionBudget', 'Service']);
    const selectors = MANIFESTS.map(({ spec: { selector } }) => selector.matchLabels ?? selector);
    expect(selectors).toEqual(MANIFESTS.map(() => POD?.metadata.labels));
  });

  test('set what a coordinator reads, and nothing else', () => {
    const names = CONTAINER?.env.map(({ name }) => name) ?? [];

    expect(names).toEqual(expect.arrayContaining(['ATONE_DATABASE_URL', 'ATONE_API_TOKEN']));
    expect(names.filter((name) => !(name in environmentSchema.shape))).toEqual([]);
  });

  test('probe what a coordinator answers without a token, at its port', async () => {
    const probes = [CONTAINER?.startupProbe, CONTAINER?.livenessProbe, CONTAINER?.readinessProbe];
    const paths = probes.map((probe) => probe?.httpGet.path);
    const answers = await Promise.all(paths.map(async (path) => fetch(`${coordinator.url}${path}`)));

    expect(paths).toEqual(['/health/live', '/health/live', '/health/ready']);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(probes.map((probe) => probe?.httpGet.port)).toEqual(['api', 'api', 'api']);
    expect(CONTAINER?.ports).toEqual([{ name: 'api', containerPort: 7_070 }]);
  });

  test('give a coordinator the time to hand over', () => {
    const sleepS = CONTAINER?.lifecycle.preStop.sleep.seconds ?? 0;

    expect(POD?.spec.terminationGracePeriodSeconds).toBeGreaterThan(sleepS + STOP_MS_MAX / 1_000);
  });
});
