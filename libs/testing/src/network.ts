import type { BranchReply } from '@atone/core';
import type { Clock } from '@atone/engine';
import { replyTo, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';
import { RefusedError, type Participant } from '@atone/participant';
import { Execution, SimulatedCrashError, SimulatedFailureError, type Member } from './execution.js';
import { Held } from './held.js';
import { isCall, type Tap } from './message.js';
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
  readonly abort: (gid: string) => void;
}

/** Who sends a command, and takes its reply. */
export interface Sender {
  take(reply: ReplyEnvelope): void;
  /** Notices that the connection broke, if it would. */
  lose(): void;
  /** Dies without a word. */
  die(): void;
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

  /** Delivers something when nothing else comes any more. */
  deliverLast(deliver: () => void): void {
    this.held.untilQuiet(deliver);
  }

  /** Brings `command` to its participant. The sender gives up waiting for the answer after `answerWithinMs`. */
  send(command: BranchCommand, sender: Sender, answerWithinMs: number): void {
    if (isCall(command) && this.held.isBlocked(command)) {
      sender.lose();
      return;
    }
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
        sender.lose();
        break;
      case 'late':
        this.held.untilAnother(command, deliver);
        sender.lose();
        break;
      case 'after-undo':
        this.holdUntilUndone(command, deliver, sender);
        break;
      case 'sender-dies-before':
        sender.die();
        break;
      case 'sender-dies-after':
        deliver();
        sender.die();
        break;
    }
  }

  private holdUntilUndone(command: BranchCommand, deliver: () => void, sender: Sender): void {
    this.held.untilUndone(command, deliver);
    if (isCall(command)) {
      // Whoever calls would send it again, and that would come before the undo.
      this.held.block(command);
      sender.lose();
    } else {
      this.parts.abort(command.gid);
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
      case 'fails':
        throw new SimulatedFailureError();
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

  /** What the tap does to a participant in the middle of a question about branches in doubt. */
  questionReached(name: string, member: Member): void {
    if (this.tap?.questionReached(name, member.service) === 'crashes') {
      this.takeDown(member);
    }
  }

  private crash(execution: Execution): never {
    execution.hasCrashed = true;
    this.takeDown(execution.member);
  }

  private takeDown(member: Member): never {
    member.downUntil = this.parts.clock.now() + DOWN_MS;
    throw new SimulatedCrashError();
  }

  /** Carries it out when a slow participant gets to it. Its turn is taken then: nothing else has to wait for it. */
  private async bring(command: BranchCommand, sender: Sender, answerWithinMs: number): Promise<void> {
    const isSlow = this.slowDown(command, answerWithinMs);
    const over = this.slow.over(command);
    if (over !== undefined) {
      await over;
    }
    // What is slow has had its fault.
    const delivered = this.carryInTurn(command, sender, isSlow ? undefined : this.faults);
    this.turns.set(turnOf(command), delivered);
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
    sender: Sender,
    faults: readonly PlannedFault[] = [],
  ): Promise<void> {
    const before = this.turns.get(turnOf(command));
    const reply = await this.execute(wired(command), faults);
    await before;
    this.bringBack(command, reply, sender);
  }

  private bringBack(command: BranchCommand, reply: BranchReply, sender: Sender): void {
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
        sender.lose();
        break;
      case 'late':
        this.held.untilAnother(command, deliver);
        return;
    }
    this.held.answered(command);
  }

  /** Has a participant carry out a command: that of the coordinator, a call, or a verdict that it was given. */
  async execute(command: BranchCommand, faults: readonly PlannedFault[] = this.faults): Promise<BranchReply> {
    const found = this.memberFor(command);
    if (found === undefined) {
      return unknown('unreachable', `No instance of service '${command.service}' takes part in this test.`);
    }
    const [member, participant] = found;
    if (this.parts.clock.now() < member.downUntil) {
      return unknown('unreachable', `The service '${command.service}' has crashed and is not back yet.`);
    }
    if (isCall(command) && member.asker === undefined) {
      return unknown('code', howToServe(command));
    }
    const fault = faults.find((candidate) => candidate.claim(command));
    if (fault?.kind === 'before-effect') {
      fault.happen(command);
      return unknown('error', 'The test has this call fail before its effect.');
    }
    const execution = new Execution(command, member);
    execution.fault = fault;
    const reply = await this.carryOut(execution, participant);
    fault?.release(command);
    return reply;
  }

  private async carryOut(execution: Execution, participant: Executing): Promise<BranchReply> {
    const { command, member } = execution;
    const isBegun = isCall(command);
    if (isBegun) {
      member.asker?.begins(command);
    }
    const reply = await this.parts.pace.hold(execution, () =>
      playIn({ listener: this.parts.listener, execution }, () => participant.execute(command)),
    );
    if (!isBegun && !execution.hasCrashed) {
      member.asker?.ends(command, reply);
    }
    return whatArrives(execution, reply);
  }

  private memberFor({ service, lane }: Addressee): [Member, Executing] | undefined {
    const candidates = [...this.members].filter(([member]) => member.service === service);
    return (
      candidates.find(([member]) => member.lane === lane) ??
      candidates.find(([member]) => member.lane === undefined)
    );
  }
}

/** The calls of one caller are answered in their order, and wait for nothing that was called below them. */
function turnOf(command: BranchCommand): string {
  const { gid, branchId } = command;
  return isCall(command) ? `${gid} ${branchId.replace(/\d+$/u, '')}` : gid;
}

function howToServe({ service, action }: BranchCommand): string {
  return `${service}.${action} was called in a global transaction, and the service takes no part in them in this test: nobody would ask for it what was decided. Have it take part with \`atone.serve({ service, database, handlers })\` in the place of \`join\`.`;
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

function unknown(errorClass: 'error' | 'unreachable' | 'code', message: string): BranchReply {
  return { outcome: 'unknown', error: { class: errorClass, message } };
}

/** What is left of a value that crosses the wire. */
function wired<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
