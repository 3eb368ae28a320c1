import type { BranchReply } from '@atone/core';
import type { Clock } from '@atone/engine';
import { replyTo, type BranchCommand } from '@atone/protocol';
import { RefusedError, type Participant } from '@atone/participant';
import type { CoordinatorProcess } from './coordinator.process.js';
import { Execution, SimulatedCrashError, type Member } from './execution.js';
import { Held } from './held.js';
import type { Tap } from './message.js';
import type { Pace } from './pace.js';
import { REFUSED_BY_TEST, type PlannedFault } from './planned.fault.js';
import { playIn, type FailpointListener } from './scene.js';
import { SlowCalls } from './slow.calls.js';

/** How long a participant that has crashed is away. */
const DOWN_MS = 1_000;

export interface NetworkParts {
  readonly pace: Pace;
  readonly clock: Pick<Clock, 'now' | 'setTimer'>;
  readonly listener: FailpointListener;
  /** Kills the coordinator, and has another one started. */
  readonly crash: (process: CoordinatorProcess) => void;
  readonly abort: (gid: string) => void;
}

type Executing = Pick<Participant, 'execute'>;

type Addressee = Pick<BranchCommand, 'service' | 'lane'>;

/**
 * Brings commands to the participants in this process, and their replies back, and has happen to them what was planned.
 *
 * The replies to one transaction come in the order of their commands, whichever database was faster, so that a test
 * sees the same each time.
 */
export class Network {
  private currentTap: Tap | undefined;
  faults: PlannedFault[] = [];
  private readonly members = new Map<Member, Executing>();
  /** By gid: the reply before. */
  private turns = new Map<string, Promise<void>>();
  private held = new Held();
  private slow: SlowCalls;

  constructor(private readonly parts: NetworkParts) {
    this.slow = new SlowCalls(parts.clock);
  }

  get tap(): Tap | undefined {
    return this.currentTap;
  }

  /** Has `tap` see, and disturb, what happens from now on. */
  setTap(tap: Tap | undefined): void {
    this.currentTap = tap;
  }

  join(member: Member, participant: Executing): void {
    this.members.set(member, participant);
  }

  leave(member: Member): void {
    this.members.delete(member);
  }

  /** Whether somebody takes the commands for a service. */
  has(service: string, lane?: string): boolean {
    return this.memberFor({ service, lane }) !== undefined;
  }

  /** Forgets all that is planned or on its way. */
  reset(): void {
    this.currentTap = undefined;
    this.faults = [];
    this.turns = new Map();
    this.held = new Held();
    this.slow.forget();
    this.slow = new SlowCalls(this.parts.clock);
    for (const member of this.members.keys()) {
      member.downUntil = 0;
    }
  }

  /** Whether a participant takes long for something. */
  get isSlow(): boolean {
    return this.slow.areUnderWay;
  }

  /** Delivers what is late, now that nothing else comes. Tells whether there was anything. */
  releaseLate(): boolean {
    return this.held.releaseAll();
  }

  /** Brings `command` to its participant. The sender gives up waiting for the answer after `answerWithinMs`. */
  send(command: BranchCommand, sender: CoordinatorProcess, answerWithinMs: number): void {
    const bring = (): Promise<void> => this.bring(command, sender, answerWithinMs);
    const deliver = (): void => {
      void bring();
    };
    switch (this.tap?.command(command) ?? 'passes') {
      case 'passes':
        deliver();
        break;
      case 'twice':
        // One after the other: a participant that is still busy with the first would take them for one.
        void bring().then(deliver);
        break;
      case 'lost':
        break;
      case 'late':
        this.held.untilAnother(command, deliver);
        break;
      case 'after-undo':
        this.held.untilUndone(command, deliver);
        this.parts.abort(command.gid);
        break;
      case 'sender-dies-before':
        this.parts.crash(sender);
        break;
      case 'sender-dies-after':
        deliver();
        this.parts.crash(sender);
        break;
    }
  }

  /** What `failAt` and the tap do to a participant in the middle of a command. */
  reached(name: string, execution: Execution): void {
    const { command, fault } = execution;
    switch (this.tap?.participantReached(name, command) ?? 'passes') {
      case 'passes':
        break;
      case 'crashes':
        this.crash(execution);
        break;
      case 'refuses':
        throw new RefusedError(REFUSED_BY_TEST);
    }
    if (fault?.kind === 'refuse' && name.endsWith('.beforeCode')) {
      fault.happen(command);
      throw new RefusedError(fault.reason);
    }
    if (fault?.kind === 'crash' && name.endsWith('.beforeCommit')) {
      fault.happen(command);
      this.crash(execution);
    }
  }

  private crash(execution: Execution): never {
    execution.hasCrashed = true;
    execution.member.downUntil = this.parts.clock.now() + DOWN_MS;
    throw new SimulatedCrashError();
  }

  /** Carries it out when a slow participant gets to it. Its turn is taken then: nothing else has to wait for it. */
  private async bring(
    command: BranchCommand,
    sender: CoordinatorProcess,
    answerWithinMs: number,
  ): Promise<void> {
    const isSlow = this.slowDown(command, answerWithinMs);
    const over = this.slow.over(command);
    if (over !== undefined) {
      await over;
    }
    // What is slow has had its fault.
    const delivered = this.carryInTurn(command, sender, isSlow ? undefined : this.faults);
    this.turns.set(command.gid, delivered);
    await delivered;
  }

  /** Tells whether something slow begins with the command. */
  private slowDown(command: BranchCommand, answerWithinMs: number): boolean {
    const fault = this.faults.find((candidate) => candidate.claim(command));
    const isSlow = fault?.kind === 'slow' && this.slow.begin(command, fault.takesMs(answerWithinMs));
    if (isSlow) {
      fault.happen(command);
    } else {
      fault?.release(command);
    }
    return isSlow;
  }

  private async carryInTurn(
    command: BranchCommand,
    sender: CoordinatorProcess,
    faults: readonly PlannedFault[] = [],
  ): Promise<void> {
    const before = this.turns.get(command.gid);
    const reply = await this.execute(wired(command), faults);
    await before;
    this.bringBack(command, reply, sender);
  }

  private bringBack(command: BranchCommand, reply: BranchReply, sender: CoordinatorProcess): void {
    const deliver = (): void => {
      sender.take(replyTo(command, wired(reply)));
    };
    switch (this.tap?.reply(command) ?? 'passes') {
      case 'passes':
        deliver();
        break;
      case 'twice':
        deliver();
        deliver();
        break;
      case 'lost':
        break;
      case 'late':
        this.held.untilAnother(command, deliver);
        return;
    }
    this.held.answered(command);
  }

  private async execute(command: BranchCommand, faults: readonly PlannedFault[]): Promise<BranchReply> {
    const found = this.memberFor(command);
    if (found === undefined) {
      return unknown('unreachable', `No instance of service '${command.service}' takes part in this test.`);
    }
    const [member, participant] = found;
    if (this.parts.clock.now() < member.downUntil) {
      return unknown('unreachable', `The service '${command.service}' has crashed and is not back yet.`);
    }
    const fault = faults.find((candidate) => candidate.claim(command));
    if (fault?.kind === 'before-effect') {
      fault.happen(command);
      return unknown('error', 'The test has this call fail before its effect.');
    }
    const execution = new Execution(command, member);
    execution.fault = fault;
    const reply = await this.parts.pace.hold(execution, () =>
      playIn({ listener: this.parts.listener, execution }, () => participant.execute(command)),
    );
    const arriving = whatArrives(execution, reply);
    fault?.release(command);
    return arriving;
  }

  private memberFor({ service, lane }: Addressee): [Member, Executing] | undefined {
    const candidates = [...this.members].filter(([member]) => member.service === service);
    return (
      candidates.find(([member]) => member.lane === lane) ??
      candidates.find(([member]) => member.lane === undefined)
    );
  }
}

function whatArrives({ command, hasCrashed, fault }: Execution, reply: BranchReply): BranchReply {
  if (hasCrashed) {
    return unknown('unreachable', 'The connection broke: the participant crashed.');
  }
  if (fault?.kind === 'after-effect') {
    fault.happen(command);
    return unknown('unreachable', 'The connection broke, and with it the answer was lost.');
  }
  return reply;
}

function unknown(errorClass: 'error' | 'unreachable', message: string): BranchReply {
  return { outcome: 'unknown', error: { class: errorClass, message } };
}

/** What is left of a value that crosses the wire. */
function wired<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
