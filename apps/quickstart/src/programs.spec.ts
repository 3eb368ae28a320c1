import { expect, test } from '@jest/globals';
import type { Surroundings } from './example.js';
import { planPrograms, portsOf, type ProgramsPlan } from './programs.js';

/** Of an example with two services, each of which takes one port. */
function plan(
  options: Partial<ProgramsPlan['options']> = {},
  kafka: ProgramsPlan['kafka'] = {},
): ProgramsPlan {
  return {
    options: { port: 7_070, coordinators: 1, instances: 1, ...options },
    example: { portCount: 2, services: (surroundings) => ['shop', 'bank'].map(serviceIn(surroundings)) },
    coordinatorUrl: 'postgresql://127.0.0.1/atone',
    databaseUrls: { shop: 'postgresql://127.0.0.1/shop' },
    kafka,
  };
}

function serviceIn({ firstPort, coordinatorUrl }: Surroundings) {
  return (name: string, at: number) => {
    const port = firstPort + at;
    const environment = { PORT: String(port), COORDINATOR_URL: coordinatorUrl };
    return { plan: { name, entry: 'main.js', environment }, healthUrl: `http://127.0.0.1:${port}/health` };
  };
}

test('one of everything has its plain name, and the ports in a row', () => {
  const { coordinators, first, others } = planPrograms(plan());

  expect(coordinators.map((one) => [one.plan.name, one.url])).toEqual([
    ['coordinator', 'http://127.0.0.1:7070'],
  ]);
  expect(first.map((one) => [one.plan.name, one.plan.environment['PORT']])).toEqual([
    ['shop', '7071'],
    ['bank', '7072'],
  ]);
  expect(others).toEqual([]);
});

test('several of everything have numbers and ports of their own', () => {
  const many = plan({ coordinators: 2, instances: 3 });

  const { coordinators, first, others } = planPrograms(many);

  expect(coordinators.map((one) => one.plan.environment['ATONE_HTTP_PORT'])).toEqual(['7070', '7071']);
  expect([...first, ...others].map((one) => `${one.plan.name} at ${one.plan.environment['PORT']}`)).toEqual([
    'shop-1 at 7072',
    'bank-1 at 7073',
    'shop-2 at 7074',
    'bank-2 at 7075',
    'shop-3 at 7076',
    'bank-3 at 7077',
  ]);
  expect(portsOf(many)).toEqual([7_070, 7_071, 7_072, 7_073, 7_074, 7_075, 7_076, 7_077]);
});

test('all instances of a service have the name that its contract says', () => {
  const { first, others } = planPrograms(plan({ instances: 2 }));

  expect([...first, ...others].map(({ service }) => service)).toEqual(['shop', 'bank', 'shop', 'bank']);
});

test('the instances are spread over the coordinators', () => {
  const { instances } = planPrograms(plan({ coordinators: 2, instances: 3 }));

  expect(instances.map(({ coordinatorUrl }) => new URL(coordinatorUrl).port)).toEqual([
    '7070',
    '7071',
    '7070',
  ]);
});

test('coordinators and services are told of the same Kafka', () => {
  const kafka = { ATONE_KAFKA_BROKERS: '127.0.0.1:9092' };

  const { coordinators, instances } = planPrograms(plan({}, kafka));

  expect(coordinators[0]?.plan.environment).toMatchObject(kafka);
  expect(instances.map((one) => one.kafka)).toEqual([kafka]);
});
