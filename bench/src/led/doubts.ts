import { createAtoneClient } from '@atone/participant';
import pg from 'pg';
import type { LogReading } from '../log.meter.js';
import type { CpuReading, Rig } from '../rig.js';
import { difference } from '../stretch.js';
import { BRANCHES_EACH, putInDoubt, tellOf } from './doubt.rows.js';
import type { Pass } from './led.participant.js';
import { LedParticipant } from './led.rig.js';

/** What the coordinator says of the branches that are asked about: it has never heard of them, or their time is not over. */
export type DoubtAnswer = 'undo' | 'wait';

/** What one pass over branches in doubt came to. */
export interface DoubtsResult {
  readonly answer: DoubtAnswer;
  readonly transactionCount: number;
  readonly pass: Pass;
  readonly log: LogReading;
  readonly cpu: CpuReading;
}

/** Puts `branchCount` branches in doubt by SQL, and returns what it takes to ask about each of them once. */
export async function askAboutAll(
  rig: Rig,
  { answer, branchCount }: { readonly answer: DoubtAnswer; readonly branchCount: number },
): Promise<DoubtsResult> {
  const databaseUrl = await rig.createDatabase('bench');
  const participant = await LedParticipant.start(rig, databaseUrl);
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    const client = createAtoneClient({ url: rig.url });
    const log = await client.logInfo();
    const transactionCount = Math.ceil(branchCount / BRANCHES_EACH);
    const gids = await putInDoubt(database, { log, count: transactionCount });
    if (answer === 'wait') {
      await tellOf(client, { log, gids });
    }
    const logBefore = await rig.log.read();
    const cpuBefore = rig.cpu();
    const pass = await participant.pass();
    const cpu = difference(rig.cpu(), cpuBefore);
    return { answer, transactionCount, pass, cpu, log: difference(await rig.log.read(), logBefore) };
  } finally {
    await database.end();
  }
}
