import type { SubmitOptions, SubmitResult } from '@atone/participant';
import { placeOrder } from './contracts.js';
import { TestCoordinator } from './test.coordinator.js';

type Order = Parameters<typeof placeOrder.plan>[0];
type Outcome = Pick<SubmitResult<object>, 'gid' | 'outcome'>;

/** Coordinators with one log, before which a load balancer stands that asks the next where one does not answer. */
export class CoordinatorFleet {
  private constructor(
    private readonly databaseUrl: string,
    private readonly members: TestCoordinator[],
  ) {}

  static async start(databaseUrl: string, size: number): Promise<CoordinatorFleet> {
    const members = await Promise.all(
      Array.from({ length: size }, async () => TestCoordinator.start({ databaseUrl })),
    );
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
        return await memberOf(member).client.submit(placeOrder, order, more);
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
    return memberOf(this.members[place]).client.submit(placeOrder, order, options);
  }

  /** Stops the one in that place in order. Its place is empty until it is refilled. */
  async stop(place: number): Promise<void> {
    await memberOf(this.members[place]).close();
  }

  /** Starts another one in that place. */
  async refill(place: number): Promise<void> {
    this.members[place] = await TestCoordinator.start({ databaseUrl: this.databaseUrl });
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.close()));
  }
}

function memberOf(member: TestCoordinator | undefined): TestCoordinator {
  if (member === undefined) {
    throw new Error('There is no coordinator in that place.');
  }
  return member;
}
