import type { BranchReply } from '@atone/core';
import { describeTransportConformance, type ParticipantAnswer } from '@atone/engine/conformance';
import type { BranchCommand } from '@atone/protocol';
import { Draws } from '../plan/draws.js';
import { Fates } from '../plan/fates.js';
import { PLAIN_OPTIONS, type SimulationOptions } from '../plan/options.js';
import { SimProcess, type Life } from './sim.process.js';
import { SimTransport } from './sim.transport.js';
import { whenSettled } from './when-settled.js';
import { World, type Target } from './world.js';

const OPTIONS: SimulationOptions = {
  ...PLAIN_OPTIONS,
  serviceCount: 0,
  transactionCount: 0,
  ledCount: 0,
  faultMs: 0,
  kinds: [],
  isReordering: false,
};

/** Less than anybody's patience, or a test that waits for a participant would wear it out. */
const PASS_MS = 5;

/** A process that only bears a life: nothing runs in it but what a test hands in. */
class QuietProcess extends SimProcess {
  protected boot(): void {
    // Nothing to begin with.
  }

  protected cleanUp(): void {
    // Nothing to give back.
  }
}

/** A participant that answers as a test says. */
class AnsweringProcess extends QuietProcess {
  constructor(
    name: string,
    world: World,
    private readonly how: ParticipantAnswer,
  ) {
    super(name, 'participant', world);
  }

  receive(command: BranchCommand, answer: (reply: BranchReply) => void): void {
    void whenSettled(Promise.resolve(this.how(command)), answer, () => {
      answer({ outcome: 'unknown', error: { class: 'unreachable', message: 'It broke off.' } });
    });
  }
}

class TransportOnlyWorld extends World {
  readonly targets = new Map<string, AnsweringProcess>();

  override participantFor({ service }: BranchCommand): Target | undefined {
    return this.targets.get(service);
  }
}

describeTransportConformance(
  'the transport of the simulation',
  async () => {
    const draws = new Draws(1);
    const world = new TransportOnlyWorld(
      { options: OPTIONS, transactions: [] },
      { draws, fates: new Fates(draws, OPTIONS) },
    );
    const sender = new QuietProcess('sender', 'coordinator', world);
    sender.start();
    const transport = new SimTransport(sender.life as Life, world);
    const pass = async (): Promise<void> => {
      let isOver = false;
      world.scheduler.after(PASS_MS, () => {
        isOver = true;
      });
      await world.scheduler.runUntil(() => isOver);
    };
    return {
      transport,
      pass,
      start: async (service, answer) => {
        const target = new AnsweringProcess(service, world, answer);
        world.targets.set(service, target);
        target.start();
      },
      kill: async (service) => {
        world.targets.get(service)?.kill(86_400_000);
      },
      end: async () => {
        void transport.close();
      },
    };
  },
  { noticesNobody: true, noticesDeathLate: true, hasQueue: false },
);
