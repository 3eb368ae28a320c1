import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Duration } from '@atone/participant';
import { askChild } from '../child.errand.js';
import type { LoadResult } from '../load.js';
import type { Rig } from '../rig.js';
import type { TaskLoad } from '../tasks.js';
import type { InitiatorErrand, InitiatorSettings, LedAction } from './led.initiator.js';
import type { LedParticipantErrand, LedParticipantSettings, Pass } from './led.participant.js';

/** The participant of led transactions, in a process of its own. */
export class LedParticipant {
  private constructor(private readonly child: ChildProcess) {}

  static async start(rig: Rig, databaseUrl: string | undefined): Promise<LedParticipant> {
    const settings: LedParticipantSettings = { coordinatorUrl: rig.url, databaseUrl };
    const participant = new LedParticipant(
      rig.fork('participant', new URL('./led.participant.js', import.meta.url), settings),
    );
    await participant.do({ what: 'start' });
    return participant;
  }

  /** Has it ask about branches in doubt from now on. */
  async sweep(every: Duration): Promise<void> {
    await this.do({ what: 'sweep', every });
  }

  /** Has it ask once about each branch in doubt. */
  pass(): Promise<Pass> {
    return this.do({ what: 'pass' });
  }

  private do<Answer>(errand: LedParticipantErrand): Promise<Answer> {
    return askChild(this.child, errand);
  }
}

/** The initiator of led transactions, in a process of its own. */
export class LedInitiator {
  private readonly child: ChildProcess;

  constructor(rig: Rig) {
    const settings: InitiatorSettings = { coordinatorUrl: rig.url };
    this.child = rig.fork('initiator', new URL('./led.initiator.js', import.meta.url), settings);
  }

  /** Has it lead transactions, and commit them. */
  commit(action: LedAction, shape: { inFlight: number; seconds: number }): Promise<LoadResult> {
    return this.do({ what: 'commit', action, ...shape });
  }

  /** Has it call the branches of `count` transactions. It never decides them. */
  abandon(shape: { count: number; inFlight: number; timeout: Duration }): Promise<void> {
    return this.do({ what: 'abandon', ...shape });
  }

  /** Ends it as the machine's end would. */
  async kill(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  private do<Answer>(errand: InitiatorErrand): Promise<Answer> {
    return askChild(this.child, errand);
  }
}

/** Has an initiator lead transactions of two branches; with a barrier, the participant keeps what a real one keeps. */
export async function startLed(
  rig: Rig,
  { action, hasBarrier }: { readonly action: LedAction; readonly hasBarrier: boolean },
): Promise<TaskLoad> {
  await LedParticipant.start(rig, hasBarrier ? await rig.createDatabase('bench') : undefined);
  const initiator = new LedInitiator(rig);
  return { bear: (shape) => initiator.commit(action, shape), stop: () => Promise.resolve() };
}
