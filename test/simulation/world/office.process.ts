import { OFFICE, type LedSpec } from '../plan/led.draw.js';
import { ParticipantProcess } from './participant.process.js';
import type { LedKit } from './led.kit.js';
import { perform } from './led.work.js';
import type { Life } from './sim.process.js';
import { whenSettled } from './when-settled.js';
import type { World } from './world.js';

/** A method that leads a transaction, once it has begun: it is over when it has ended, or its process has. */
interface Lead {
  readonly life: Life | undefined;
  isSettled: boolean;
}

/** A service whose code leads transactions; it has branches of its own as well. */
export class OfficeProcess extends ParticipantProcess {
  private readonly leads: Lead[] = [];
  private awaitedCount: number;

  constructor(
    name: string,
    world: World,
    place: {
      readonly database: ConstructorParameters<typeof ParticipantProcess>[2]['database'];
      readonly specs: readonly LedSpec[];
    },
  ) {
    super(name, world, { service: OFFICE, database: place.database, role: 'initiator' });
    this.awaitedCount = place.specs.length;
    for (const spec of place.specs) {
      world.scheduler.at(spec.atMs, () => {
        this.awaitedCount -= 1;
        this.begin(spec);
      });
    }
  }

  /** Whether no method that leads a transaction is running or going to. */
  get isDone(): boolean {
    return (
      this.awaitedCount === 0 &&
      this.leads.every(({ life, isSettled }) => isSettled || life?.isOver !== false)
    );
  }

  private begin(spec: LedSpec): void {
    const { life } = this;
    const lead: Lead = { life, isSettled: false };
    this.leads.push(lead);
    life?.after(0, () => {
      const kit = this.kitFor(life, spec.patienceMs);
      const end = (error?: Error): void => {
        lead.isSettled = true;
        this.world.trace(
          this.name,
          `${spec.name} ${error === undefined ? 'returns' : `throws ${error.message}`}`,
        );
      };
      void whenSettled(this.leadBy(kit, spec), () => end(), end);
    });
  }

  private async leadBy(kit: LedKit, spec: LedSpec): Promise<void> {
    const { name, timeoutMs: timeout, wait, work, ends } = spec;
    const options = { timeout, wait, commitOn: () => ends === 'throws-and-commits', waitTimeout: 1_000 };
    await kit.lead({
      name,
      options,
      work: async (part) => {
        await perform(kit, work, part);
        if (ends === 'throws' || ends === 'throws-and-commits') {
          throw new Error('The method throws.');
        }
        if (ends === 'marks-for-abort') {
          kit.markForAbort();
        }
      },
    });
  }
}
