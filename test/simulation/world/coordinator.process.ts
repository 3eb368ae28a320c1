import type { OperatorAct } from '@atone/core';
import { Catalogue, DEFAULT_ENGINE_OPTIONS, Engine, ROW_FORMAT } from '@atone/engine';
import { SeededRandom } from '@atone/engine/testing';
import type { ReplyEnvelope } from '@atone/protocol';
import { LogLine } from './log.line.js';
import { MEMORY_MS } from './retention.js';
import { SimClock } from './sim.clock.js';
import { SimProcess, type Life } from './sim.process.js';
import { SimTransport } from './sim.transport.js';
import { KafkaTransports } from './kafka.transports.js';
import { whenSettled } from './when-settled.js';

/** A coordinator: the production engine over simulated ports. */
export class CoordinatorProcess extends SimProcess {
  /** Undefined while it is down or starting. */
  engine: Engine | undefined;
  clock: SimClock | undefined;
  instanceId = '';
  /** What commands that go over HTTP, or over something like it, go by. */
  private transport: SimTransport | undefined;
  private lifeCount = 0;

  /** Hands in a reply that came for this coordinator. */
  deliver(reply: ReplyEnvelope): void {
    this.transport?.deliver(reply);
  }

  /** Has an operator act here. Whether it is refused, or whether an answer comes, is not what is tested. */
  act(gid: string, act: OperatorAct): void {
    this.life?.after(1, () => {
      this.world.trace(this.name, `is asked to ${act.type} ${this.world.nameOfGid(gid)}`);
      this.world.kafka?.check.acted(this.instanceId, gid);
      this.engine?.act(gid, act).catch((error: unknown) => {
        this.world.trace(this.name, `did not: ${String(error)}`);
      });
    });
  }

  /** Stops in order, as on SIGTERM, and starts again after a while. */
  stop(restartAfterMs: number): void {
    const { engine, life } = this;
    if (engine === undefined || life === undefined) {
      return;
    }
    this.world.trace(this.name, 'stops');
    const restart = (): void => {
      this.end(life);
      // A stop takes as long as its drain. When the faults are over by then, nobody keeps it down.
      this.world.scheduler.after(this.world.fates.areOver ? 0 : restartAfterMs, () => {
        this.start();
      });
    };
    life.after(0, () => {
      void engine.stop().then(restart, restart);
    });
  }

  protected boot(life: Life): void {
    const { world } = this;
    this.lifeCount += 1;
    const instanceId = `${this.name}.${this.lifeCount}`;
    const log = new LogLine(life, world, instanceId);
    const skewMs = world.options.kinds.includes('clock-jump')
      ? (world.draws.next(`${this.name} skew`) - 0.5) * 7_200_000
      : 0;
    const clock = new SimClock(life, world.scheduler, skewMs);
    const transport = new SimTransport(life, world);
    const catalogue = new Catalogue(world.catalogueFor(log));
    const overKafka =
      world.kafka &&
      new KafkaTransports(life, world.kafka, { log, catalogue, clock, instanceId, http: transport });
    const { leaseMs, recoverEveryMs, orphanEveryMs, claimCountMax, activeCountMax, endLagMs } = world.options;
    const engine = new Engine(
      {
        log,
        transport: overKafka?.transport ?? transport,
        catalogue,
        clock,
        random: new SeededRandom(world.draws.integer(`${instanceId} random`, 1, 0x7fffffff)),
        logger: world.loggerFor(this.name),
      },
      {
        instanceId,
        logNumber: 0,
        activeCountMax,
        leaseMs,
        renewEveryMs: Math.max(20, leaseMs / 3),
        recoverEveryMs,
        orphanEveryMs,
        claimCountMax,
        defaultTimeoutMs: 600_000,
        endLagMs,
        skewMs: DEFAULT_ENGINE_OPTIONS.skewMs,
        memoryMs: MEMORY_MS,
        facts: () => ({ version: 'simulated', format: ROW_FORMAT, replyPartitions: overKafka?.partitions }),
      },
    );
    if (overKafka !== undefined) {
      overKafka.onAssignment = () => engine.tellFacts();
    }
    Object.assign(this, { transport, clock, instanceId });
    void whenSettled(
      engine.start(),
      () => {
        this.engine = engine;
      },
      () => {
        // The log did not answer: the process ends with an error, and is started again.
        this.kill(500);
      },
    );
  }

  protected cleanUp(): void {
    this.engine = undefined;
    this.transport = undefined;
    this.clock = undefined;
  }
}
