import { SeededRandom } from '@atone/engine/testing';
import {
  createClient,
  createPortGlobalTransactions,
  createPortLedRuntime,
  createPortServiceCalls,
  currentTransaction,
  outcomeOfError,
  type AtoneClient,
  type ClientPorts,
  type ElapsedClock,
  type GlobalTransactions,
  type LedPorts,
  type LedRuntime,
  type LocalService,
  type ParticipantClock,
  type ServiceCalls,
  type TransactionOptions,
} from '@atone/participant';
import type { LedPart, LedStory } from '../check/led.story.js';
import { EPOCH_MS } from './sim.clock.js';
import { COORDINATOR_URL, httpOver } from './sim.http.js';
import type { Life } from './sim.process.js';

/** A transaction that this process is going to lead. */
interface Lead {
  readonly name: string;
  readonly options: Omit<TransactionOptions<void>, 'name' | 'tags'>;
  readonly work: (part: LedPart) => Promise<void>;
}

/** What one life of a process needs to lead transactions and to take part in them: the production library over simulated ports. */
export class LedKit {
  readonly client: AtoneClient;
  readonly runtime: LedRuntime;
  readonly transactions: GlobalTransactions;
  readonly calls: ServiceCalls;
  /** For calls by hand, of services without the library. */
  readonly send: ClientPorts['send'];
  readonly patienceMs: number;

  constructor(
    private readonly life: Life,
    options: {
      readonly service: string;
      readonly local: LocalService;
      readonly patienceMs: number;
    },
  ) {
    const { service, local, patienceMs } = options;
    const { world, name } = life.process;
    const ports = portsOf(life);
    const send = httpOver(life);
    this.client = createClient(
      { url: COORDINATOR_URL, service, patience: 3_000, requestTimeout: 500 },
      { send, clock: ports.clock, random: ports.random },
    );
    this.runtime = createPortLedRuntime(
      { registrar: this.client, replyBytesMax: world.options.replyBytesMax },
      ports,
    );
    this.transactions = createPortGlobalTransactions(
      {
        service,
        coordinator: this.client,
        commitPatience: patienceMs,
        abortPatience: patienceMs,
        log: world.loggerFor(name),
      },
      ports,
    );
    const directory = { waysTo: async (called: string) => ({ baseUrls: world.urlsOf(called) }) };
    this.send = send;
    this.patienceMs = patienceMs;
    this.calls = createPortServiceCalls(
      { directory, local, patience: patienceMs, replyTimeout: Math.min(1_000, patienceMs) },
      { send, time: ports.time },
    );
  }

  /** Returns where to call an instance of a service that is without the library; undefined for one that has it. */
  plainUrlOf(service: string, point: string): string | undefined {
    return this.life.process.world.plainUrlOf(service, point);
  }

  get story(): LedStory {
    return this.life.process.world.safety.led.story;
  }

  /** Keeps the transaction around the code from being committed. */
  markForAbort(): void {
    currentTransaction()?.setAbortOnly('its method says so');
  }

  /** Leads a transaction, and checks what it is told of its end. @throws what `work` throws, and what the library makes of it. */
  async lead({ name, options, work }: Lead): Promise<void> {
    const { world } = this.life.process;
    const { safety } = world;
    let gid: string | undefined;
    try {
      await this.transactions.run({ ...options, name: 'simulated', tags: { tx: name } }, async () => {
        const transaction = currentTransaction();
        gid = transaction?.gid ?? '';
        world.named(gid, name);
        const part = safety.led.story.begin(gid, name);
        const tell = (told: 'committed' | 'aborted') => (): void => {
          safety.led.told(part.gid, told);
        };
        transaction?.afterCommit(tell('committed'));
        transaction?.afterAbort(tell('aborted'));
        await work(part);
      });
    } catch (error) {
      const outcome = outcomeOfError(error);
      if (outcome !== undefined && outcome.gid === gid) {
        safety.led.told(outcome.gid, outcome.outcome);
      }
      throw error;
    }
    if (gid !== undefined) {
      safety.led.told(gid, 'committed');
    }
  }
}

/** Returns the clock and the dice of one life. */
function portsOf(life: Life): LedPorts {
  const { world, name } = life.process;
  const { scheduler } = world;
  // A clock that counts what has passed may or may not count the time for which its machine stood still.
  const noticesNights = world.draws.chance(`${name} notices nights`, 0.5);
  const clock: ElapsedClock = {
    now: () => (noticesNights ? scheduler.clockMs : scheduler.nowMs),
    setTimer: (delayMs, callback) => life.after(Math.max(0, delayMs), callback),
  };
  const random = new SeededRandom(world.draws.integer(`${name} led random`, 1, 0x7fffffff));
  return { clock, time: participantClock(life), random };
}

/** Returns what a participant takes for the time of day. */
export function participantClock({ process: { world } }: Life): ParticipantClock {
  return { now: () => Math.floor(world.scheduler.clockMs) + EPOCH_MS, instant: (ms) => new Date(ms) };
}
