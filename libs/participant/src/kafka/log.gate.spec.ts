import { expect, test } from '@jest/globals';
import type { ReceivedBatch } from '@atone/kafka';
import { LogGate } from './log.gate.js';

const LOGS = ['01a20550-9211-7000-9ac7-a7b35bbd5661', '01a20550-9211-7000-9ac7-a7b35bbd5662'] as const;

test('a batch whose log has to be asked about is not overtaken by the next one of its partition', async () => {
  const through: string[] = [];
  const asked: ((isOther: boolean) => void)[] = [];
  const gate = gateOver(async (logId) =>
    logId === LOGS[0]
      ? new Promise<boolean>((resolve) => {
          asked.push(resolve);
        })
      : false,
  );
  const pass = async (name: string, batch: ReceivedBatch): Promise<void> => {
    await gate.sift(batch);
    through.push(name);
  };

  const all = [
    pass('first', batchOf(0, LOGS[0])),
    pass('second', batchOf(0, LOGS[1])),
    pass('elsewhere', batchOf(1, LOGS[1])),
  ];
  await all[2];

  expect(through).toEqual(['elsewhere']);
  asked.forEach((tell) => tell(false));
  await Promise.all(all);
  expect(through).toEqual(['elsewhere', 'first', 'second']);
});

function gateOver(isOther: (logId: string) => Promise<boolean>): LogGate {
  const options = { ownLog: { isOther } } as unknown as ConstructorParameters<typeof LogGate>[0];
  return new LogGate(options);
}

function batchOf(partition: number, logId: string): ReceivedBatch {
  const place = { topic: 'atone.commands.payments', partition };
  const record = {
    ...place,
    offset: 0n,
    key: 'k',
    value: '{}',
    headers: { ce_source: `/logs/${logId}/coordinators/1` },
    timestamp: 0,
  };
  return { ...place, records: [record] };
}
