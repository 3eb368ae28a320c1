import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentSchema as coordinatorSchema, readConfiguration, STOP_MS_MAX } from '@atone/coordinator';
import { environmentSchema as shopSchema, OUTCOME_WAIT } from '@atone/example-music-shop';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { readText, ROOT } from '../docs/markdown.js';
import { composeFile, servicesOf, type ComposeService } from './compose.file.js';
import { commandOf } from './docker.file.js';

const { services, configs } = composeFile();
const SERVICES = Object.entries(services);
const SCHEMA = new URL('compose-spec/compose-spec.json', import.meta.url);

/** Where PostgreSQL listens that is not told otherwise. */
const POSTGRES_PORT = '5432';

describe('docker-compose.yml', () => {
  test('is a Compose file', () => {
    const { $schema: _draft, ...schema } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as Record<
      string,
      unknown
    >;
    const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);

    validate(parse(readText('docker-compose.yml'), { merge: true }));

    expect(validate.errors ?? []).toEqual([]);
  });

  test('has two coordinators, three services of the shop, and what they and their watchers need', () => {
    expect(Object.keys(services).toSorted()).toEqual([
      'coordinator-1',
      'coordinator-2',
      'grafana',
      'kafka',
      'orders',
      'payments',
      'postgres',
      'prometheus',
      'stock',
    ]);
  });

  test.each(servicesOf('coordinator'))(
    'sets for %s what a coordinator reads, and nothing else',
    (_, service) => {
      const { environment = {} } = service;

      expect(Object.keys(environment).filter((name) => !(name in coordinatorSchema.shape))).toEqual([]);
      const configuration = readConfiguration(environment);
      expect(configuration.apiToken).toBe(configs['atone-token']?.content);
      expect(portsOf(service)).toEqual([configuration.httpPort]);
      expect(service.healthcheck?.test.join(' ')).toContain(`:${configuration.httpPort}/health/ready`);
      expect(graceMsOf(service)).toBeGreaterThan(STOP_MS_MAX);
    },
  );

  test.each(servicesOf('music-shop'))(
    'sets for %s what a service of the shop reads, and nothing else',
    (_, service) => {
      const { environment = {} } = service;

      expect(Object.keys(environment).filter((name) => !(name in shopSchema.shape))).toEqual([]);
      const { PORT, ...read } = shopSchema.parse(environment);
      expect(portsOf(service)).toEqual([PORT]);
      expect(service.healthcheck?.test.join(' ')).toContain(`:${PORT}/health'`);
      expect(graceMsOf(service)).toBeGreaterThan(Number.parseInt(OUTCOME_WAIT, 10) * 1_000);
      const [, coordinator] = servicesOf('coordinator')[0] ?? [];
      expect(coordinator?.environment).toMatchObject({
        ATONE_API_TOKEN: read.COORDINATOR_TOKEN,
        ATONE_SIGNING_KEYS: environment['ATONE_SIGNING_KEYS'],
        ATONE_KAFKA_BROKERS: environment['ATONE_KAFKA_BROKERS'],
      });
    },
  );

  test.each(['coordinator', 'music-shop'])('builds the image of %s once, and pulls it never', (target) => {
    const [[, first] = ['', {}], ...others] = servicesOf(target);

    expect(first.build).toEqual({ context: '.', target });
    expect(others.length).toBeGreaterThan(0);
    expect(others.map(([, { build, pull_policy: pull }]) => ({ build, pull }))).toEqual(
      others.map(() => ({ build: undefined, pull: 'never' })),
    );
  });

  test('has the services of the shop ask both coordinators, and not all the same one', () => {
    const asked = servicesOf('music-shop').map(([, { environment = {} }]) => environment['COORDINATOR_URL']);

    expect(new Set(asked)).toEqual(
      new Set(
        servicesOf('coordinator').map(
          ([name, { environment = {} }]) => `http://${name}:${environment['ATONE_HTTP_PORT']}`,
        ),
      ),
    );
  });

  test.each(servicesOf('music-shop'))(
    'starts %s as its image would, by a program that is there',
    (name, { command = [] }) => {
      const entry = command.at(-1) ?? '';

      expect(command.slice(0, -1)).toEqual(commandOf('music-shop').slice(0, -1));
      expect(entry).toBe(`examples/music-shop/dist/${name}/main.js`);
      expect(existsSync(join(ROOT, entry.replace('/dist/', '/src/').replace(/\.js$/u, '.ts')))).toBe(true);
    },
  );

  test('names in each URL a service of its own, and in each of a database one that is created', () => {
    const created = new Set([
      services['postgres']?.environment?.['POSTGRES_DB'],
      ...[...readText('deploy/postgres/databases.sql').matchAll(/^create database (\w+);$/gmu)].map(
        ([, name]) => name,
      ),
    ]);
    const urls = SERVICES.flatMap(([, { environment = {} }]) => Object.values(environment))
      .filter((value) => /^[a-z]+:\/\/[^,/]*[a-z]/u.test(value) && URL.canParse(value))
      .map((value) => new URL(value));

    expect(urls).toHaveLength(8);
    expect(urls.map(({ hostname }) => hostname).filter((host) => host !== '' && !(host in services))).toEqual(
      [],
    );
    const databases = urls.filter(({ protocol }) => protocol === 'postgresql:');
    expect(databases.map(({ pathname }) => pathname.slice(1)).filter((each) => !created.has(each))).toEqual(
      [],
    );
    const { environment = {} } = services['postgres'] ?? {};
    expect(databases.map(({ hostname, port }) => `${hostname}:${port}`)).toEqual(
      databases.map(() => `postgres:${environment['PGPORT'] ?? POSTGRES_PORT}`),
    );
  });

  test('publishes the port at which PostgreSQL listens', () => {
    const { environment = {}, ...postgres } = services['postgres'] ?? {};

    expect(portsOf(postgres)).toEqual([Number(environment['PGPORT'] ?? POSTGRES_PORT)]);
  });

  test('names brokers by what Kafka calls itself, which is what clients are sent to', () => {
    const { environment = {} } = services['kafka'] ?? {};
    const advertised = listenersOf(environment['KAFKA_ADVERTISED_LISTENERS']);
    const named = SERVICES.flatMap(([, service]) => service.environment?.['ATONE_KAFKA_BROKERS'] ?? []);

    expect(named).toHaveLength(5);
    expect([...new Set(named)]).toEqual([...advertised.values()]);
    expect([...advertised.values()].map((address) => new URL(`kafka://${address}`).hostname)).toEqual([
      'kafka',
    ]);
  });

  test('has Kafka listen at the ports by which it is named', () => {
    const { environment = {}, healthcheck } = services['kafka'] ?? {};
    const listened = listenersOf(environment['KAFKA_LISTENERS']);
    const advertised = listenersOf(environment['KAFKA_ADVERTISED_LISTENERS']);
    const [, quorum = ''] = environment['KAFKA_CONTROLLER_QUORUM_VOTERS']?.split('@') ?? [];

    const named = [...advertised, ['CONTROLLER', quorum] as const];

    expect(named.map(([name]) => name)).toEqual([...listened.keys()]);
    expect(named.map(([, address]) => address)).toEqual(
      [...listened.values()].map((address) => `kafka${address}`),
    );
    expect(healthcheck?.test).toContain(advertised.get('PLAINTEXT'));
  });

  test('publishes nothing beyond the machine, and no port twice', () => {
    const published = SERVICES.flatMap(([, { ports = [] }]) => ports).map((port) => port.split(':'));

    expect(published.filter(([address]) => address !== '127.0.0.1')).toEqual([]);
    expect(new Set(published.map(([, host]) => host)).size).toBe(published.length);
  });

  test('has no secret that cannot be set, and calls those that are not set what they are', () => {
    const text = readText('docker-compose.yml').replaceAll(/^\s*#.*$/gmu, '');
    const settable = [...text.matchAll(/\$\{(?<name>[A-Z0-9_]+):-(?<value>[^}]*)\}/gu)];
    const secrets = settable.filter(([, name = '']) => /PASSWORD|TOKEN|KEYS/u.test(name));

    expect(secrets.map(([, , value = '']) => value).filter((value) => !value.includes('dev-only'))).toEqual(
      [],
    );
    const fixed = text.replaceAll(/\$\{[^}]*\}/gu, '');
    expect(fixed.match(/.*(?:dev-only|(?:PASSWORD|TOKEN|KEYS): *[^\s*]).*/gu) ?? []).toEqual([]);
  });

  test('tells of each service whether it is healthy, so that --wait waits for all of them', () => {
    const unknown = Object.entries(services).filter(([, { healthcheck }]) => healthcheck === undefined);

    expect(unknown.map(([name]) => name)).toEqual([]);
  });

  test('waits only for health that is checked', () => {
    const awaited = SERVICES.flatMap(([, { depends_on: needs = {} }]) => Object.entries(needs));

    expect(awaited.every(([, { condition }]) => condition === 'service_healthy')).toBe(true);
    expect(awaited.filter(([name]) => services[name]?.healthcheck === undefined)).toEqual([]);
  });

  test('mounts files that are there', () => {
    const sources = SERVICES.flatMap(([, { volumes = [] }]) => volumes)
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((source) => source.startsWith('.'));

    expect(sources.length).toBeGreaterThan(4);
    expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
  });
});

/** Returns the addresses of a list of Kafka's listeners, by name. */
function listenersOf(list = ''): ReadonlyMap<string, string> {
  return new Map(
    list.split(',').map((listener) => {
      const [name = '', address = ''] = listener.split('://');
      return [name, address];
    }),
  );
}

function graceMsOf({ stop_grace_period: period = '' }: ComposeService): number {
  return Number(/^(?<seconds>\d+)s$/u.exec(period)?.groups?.['seconds']) * 1_000;
}

/** Returns the ports inside of the containers that are published. */
function portsOf({ ports = [] }: { readonly ports?: readonly string[] }): number[] {
  return ports.map((port) => Number(port.split(':').at(-1)));
}
