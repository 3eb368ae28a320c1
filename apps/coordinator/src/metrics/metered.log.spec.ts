import { MemoryLog, ManualClock, overriding } from '@atone/engine/testing';
import { beforeEach, expect, test } from '@jest/globals';
import { readExposition, valuesOf } from '../testing/exposition.reader.js';
import { meteredLog } from './metered.log.js';
import { Meters } from './meters.js';

let meters: Meters;
let log: MemoryLog;

beforeEach(() => {
  meters = new Meters();
  log = new MemoryLog(new ManualClock());
});

async function told(name: string): Promise<Readonly<Record<string, number>>> {
  return valuesOf(readExposition(await meters.registry.metrics()).get(name));
}

test('a metered log answers as the log does', async () => {
  const metered = meteredLog(log, meters);

  expect(await metered.renewLease('one', 1_000)).toBe(await log.renewLease('one', 1_000));
  expect(await told('atone_log_failures_total')).toEqual({});
});

test('a renewal of the lease that fails is counted, and its error passed on', async () => {
  const gone = new Error('gone');
  const metered = meteredLog(overriding(log, { renewLease: async () => Promise.reject(gone) }), meters);

  await expect(metered.renewLease('one', 1_000)).rejects.toBe(gone);

  expect(await told('atone_log_failures_total')).toEqual({ 'call=renewLease': 1 });
  expect(await told('atone_lease_renewal_failures_total')).toEqual({ '': 1 });
});

test('a write that fails is measured like any other', async () => {
  const metered = meteredLog(
    overriding(log, { update: async () => Promise.reject(new Error('gone')) }),
    meters,
  );

  await expect(metered.update([])).rejects.toThrow('gone');

  expect(await told('atone_log_flush_rows')).toMatchObject({ 'lane=update le=+Inf': 1 });
});
