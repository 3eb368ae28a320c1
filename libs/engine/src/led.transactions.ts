import type {
  DecisionRequest,
  Doubt,
  Notice,
  RegistrationRequest,
  ReplyEnvelope,
  Verdict,
} from '@atone/protocol';
import type { Acts } from './acts.js';
import { Hearsay, type HearsayEntry } from './hearsay.js';
import { LedDesk, type Asked } from './led.desk.js';
import { LedDoubts } from './led.doubts.js';
import { LedGate } from './led.gate.js';
import { LedInsertion, type InsertionParts } from './led.insertion.js';
import { LedResolution, type AbortAct, type ResolveAct, type ResolveAnswer } from './led.resolution.js';
import type { DecideAnswer, LogLife } from './led.shapes.js';
import type { EngineOptions } from './engine.options.js';
import type { EnginePorts } from './engine.ports.js';
import type { Snapshot } from './snapshot.js';

interface LedParts extends Omit<InsertionParts, 'hearsay' | 'gate'> {
  readonly options: EngineOptions;
  readonly acts: Acts;
  /** The life of the log, as it was told last. */
  readonly epoch: () => number | undefined;
}

/** All that an engine does for led transactions before the machine drives them. */
export class LedTransactions {
  private readonly hearsay: Hearsay;
  private readonly gate: LedGate;
  private readonly desk: LedDesk;
  private readonly doubts: LedDoubts;
  private readonly resolution: LedResolution;

  constructor(
    ports: EnginePorts,
    private readonly parts: LedParts,
  ) {
    const { options, writer, drivers, epoch } = parts;
    const hearsay = new Hearsay(ports.clock);
    const gate = new LedGate(ports.clock, options, epoch);
    const insertion = new LedInsertion(ports, { ...parts, hearsay, gate });
    this.hearsay = hearsay;
    this.gate = gate;
    this.desk = new LedDesk(ports, { options, drivers, hearsay, gate, insertion });
    this.doubts = new LedDoubts(ports, { options, writer, hearsay, gate });
    this.resolution = new LedResolution(ports, {
      acts: parts.acts,
      hearsay,
      gate,
      doubts: this.doubts,
      insertion,
    });
  }

  /** See Engine.decide. */
  async decide(asked: Asked<DecisionRequest>): Promise<DecideAnswer> {
    return this.desk.decide(asked);
  }

  /** See Engine.register. */
  async register(asked: Asked<RegistrationRequest>): Promise<Snapshot> {
    return this.desk.register(asked);
  }

  /** Takes note of those that this log decides, and that are not known to be decided. */
  notice(notices: readonly Notice[]): void {
    for (const notice of notices) {
      const { gid } = notice;
      const driver = this.parts.drivers.get(gid);
      const driven = driver?.saga.state;
      if (driven === 'active') {
        driver?.entitle({ name: notice.name, lane: notice.lane, tags: notice.tags ?? {} });
        this.hearsay.register(gid);
      }
      if ((driven ?? 'active') === 'active' && this.gate.hindrance(gid) === undefined) {
        this.hearsay.note(notice);
      }
    }
  }

  /** See Engine.doubts. */
  async judge(doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
    return this.doubts.judge(doubts);
  }

  /** See Engine.resolve. */
  async resolve(gid: string, act: ResolveAct): Promise<ResolveAnswer> {
    return this.resolution.resolve(gid, act);
  }

  /** Aborts as an operator says; see Engine.act. */
  async abort(gid: string, act: AbortAct): Promise<Snapshot> {
    return this.resolution.abort(gid, act);
  }

  /** Takes note that a participant has ended a branch: it is in doubt no more. */
  answered({ gid, branchId, reply: { outcome } }: ReplyEnvelope): void {
    if (outcome === 'confirmed' || outcome === 'undone') {
      this.hearsay.end(gid, branchId);
    }
  }

  /** See Engine.hearsay. */
  heard(gid: string): HearsayEntry | undefined {
    return this.hearsay.get(gid);
  }

  /** See Engine.hearsays. */
  allHeard(): readonly HearsayEntry[] {
    return this.hearsay.list();
  }

  /** See Engine.logLife. */
  logLife(): LogLife {
    return { logNumber: this.parts.options.logNumber, epoch: this.gate.presentEpoch() };
  }
}
