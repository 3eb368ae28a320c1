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

test(
  'two coordinators and two of each service book 300 trips by tries over Kafka: all or nothing, and nobody is left in doubt',
  async () => {
    const trips = drawTrips(300);
    const started = await AgencyDeployment.start(trips, {
      brokers: testBrokers(),
      prefix: newName('agency'),
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
