import { drawTrips } from '@atone/example-travel-booking';
import { afterEach, expect, test } from '@jest/globals';
import { AgencyDeployment } from '../harness/agency.deployment.js';
import { newName, testBrokers } from './kafka.client.js';

/** The machine may be slow, and has a dozen programs to run. */
const TIMEOUT_MS = 600_000;

let agency: AgencyDeployment | undefined;

afterEach(async () => {
  await agency?.stop();
  agency = undefined;
}, TIMEOUT_MS);

test.each([
  ['kafkajs', 300],
  ['platformatic', 100],
] as const)(
  'through %s, two coordinators and two of each service book %i trips by tries: all or nothing, and nobody is left in doubt',
  async (library, count) => {
    const trips = drawTrips(count);
    const started = await AgencyDeployment.start(trips, {
      brokers: testBrokers(),
      prefix: newName('agency'),
      library,
    });
    agency = started;

    const told = await started.book(trips);

    expect(await started.violations(told)).toEqual([]);
    expect(new Set(told.map(({ outcome }) => outcome))).toEqual(new Set(['committed', 'aborted']));
    const { deployment } = started;
    expect(deployment.names.filter((name) => deployment.process(name).startCount > 1)).toEqual([]);
    const entries = await deployment.client('coordinator-1').participants();
    const overHttp = entries.filter(({ baseUrl }) => baseUrl !== undefined);
    expect(new Set(overHttp.map(({ service }) => service))).toEqual(new Set(['insurance']));
  },
  TIMEOUT_MS,
);
