import type { AtoneClient, SubmitOptions, SubmitResult } from '@atone/participant';
import { createAtoneClient } from '@atone/participant';
import { placeOrder } from './contracts.js';
import { CoordinatorProcess, type Exit } from './coordinator.process.js';

type Order = Parameters<typeof placeOrder.plan>[0];
type Outcome = Pick<SubmitResult<object>, 'gid' | 'outcome'>;

interface Member {
  readonly process: CoordinatorProcess;
  readonly client: AtoneClient;
}

/** Coordinators as processes, with one log, before which a load balancer stands that asks the next where one does not answer. */
export class CoordinatorFleet {
  private constructor(
    private readonly databaseUrl: string,
    private readonly members: Member[],
  ) {}

  static async start(databaseUrl: string, size: number): Promise<CoordinatorFleet> {
    const members = await Promise.all(Array.from({ length: size }, async () => startMember(databaseUrl)));
    return new CoordinatorFleet(databaseUrl, members);
  }

  get size(): number {
    return this.members.length;
  }

  /** Submits at one of them, counted from `turn`, or at the next that takes it; the key makes that one transaction. */
  async submit(order: Order, options: SubmitOptions & { readonly turn: number }): Promise<Outcome> {
    const { turn, ...more } = options;
    for (let attempt = 0; ; attempt += 1) {
      const member = this.members[(turn + attempt) % this.members.length];
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next one is asked only if this one does not answer.
        return await this.clientOf(member).submit(placeOrder, order, more);
      } catch (error) {
        if (attempt > 100) {
          throw error;
        }
      }
      // oxlint-disable-next-line no-await-in-loop -- so that those who ask do not take the processor from those who start.
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  /** Submits at the one in that place, and at no other. */
  async submitAt(place: number, order: Order, options: SubmitOptions): Promise<Outcome> {
    return this.clientOf(this.members[place]).submit(placeOrder, order, options);
  }

  urlOf(place: number): string {
    return this.members[place]?.process.url ?? '';
  }

  /** Tells the one in that place to stop, and returns how it ended. Its place is empty until it is refilled. */
  async stop(place: number): Promise<Exit> {
    const member = this.members[place];
    if (member === undefined) {
      throw new Error(`There is no coordinator in place ${place}.`);
    }
    return member.process.stop();
  }

  /** Starts another one in that place. */
  async refill(place: number): Promise<void> {
    this.members[place] = await startMember(this.databaseUrl);
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.process.kill()));
  }

  private clientOf(member: Member | undefined): AtoneClient {
    if (member === undefined) {
      throw new Error('There is no coordinator.');
    }
    return member.client;
  }
}

async function startMember(databaseUrl: string): Promise<Member> {
  const process = await CoordinatorProcess.start(databaseUrl);
  return { process, client: createAtoneClient({ url: process.url, patience: 0 }) };
}
