import { isDeepStrictEqual } from 'node:util';
import type { BranchReply } from '@atone/core';
import { attemptKey, type BranchCommand, type ReplyEnvelope } from '@atone/protocol';

/** What a participant makes of a command: one of its answers, at once or when it is let go, or it breaks off. */
export const ANSWERINGS = ['done', 'refused', 'undone', 'not-yet', 'unknown', 'late', 'throws'] as const;
export type Answering = (typeof ANSWERINGS)[number];

/** What was handed over, by attempt. */
interface Sent {
  readonly command: BranchCommand;
  /** Whether the participant was there all the time, and broke nothing off. */
  isCalm: boolean;
  /** Whether it still had to leave when it was last handed over, and nothing has taken its place since. */
  isOpen: boolean;
  /** Whether it was ever handed over with time to leave. */
  readonly mayArrive: boolean;
  /** Whether a transport may ever have had a reason to say itself that the outcome is unknown. */
  mayBeUnknown: boolean;
  /** Whether its answer is kept back. */
  isHeld: boolean;
}

/** `again`: it was killed and started again, and a transport may still know of the dead one. */
type ServiceState = 'up' | 'down' | 'again';

/** What may come back from participants, told from the port alone. */
export class TransportModel {
  private readonly services = new Map<string, ServiceState>();
  private readonly sent = new Map<string, Sent>();

  /**
   * `noticesNobody`: whether it is found out that nobody listens; `noticesDeathLate`: whether it takes an answer's whole
   * time to find out that somebody has died.
   */
  constructor(
    private readonly traits: { readonly noticesNobody: boolean; readonly noticesDeathLate: boolean },
  ) {}

  isListening(service: string): boolean {
    const state = this.services.get(service);
    return state === 'up' || state === 'again';
  }

  start(service: string): void {
    this.services.set(service, this.services.has(service) ? 'again' : 'up');
  }

  /** Returns the attempts of which the transport finds out now that their answers will not come any more. */
  kill(service: string): readonly string[] {
    this.services.set(service, 'down');
    const orphans = this.heldAt(service);
    const told = this.traits.noticesNobody ? orphans.filter(({ isCalm, isOpen }) => isCalm && isOpen) : [];
    for (const sent of orphans) {
      disturb(sent);
      sent.isHeld = false;
    }
    if (this.traits.noticesDeathLate && told.length > 0) {
      // As long as that takes, others whose answers are kept back may be given up as well.
      for (const sent of this.sent.values()) {
        sent.mayBeUnknown ||= sent.isHeld;
        sent.isCalm &&= !sent.isHeld;
      }
    }
    return attemptsOf(told);
  }

  send(command: BranchCommand, isGivenUp: boolean): void {
    this.replaceBy(command);
    const { service } = command;
    const isCalm = this.services.get(service) === 'up';
    const before = this.sent.get(attemptKey(command));
    this.sent.set(attemptKey(command), {
      command,
      isCalm,
      isOpen: !isGivenUp,
      mayArrive: !isGivenUp || before?.mayArrive === true,
      mayBeUnknown: !isCalm || isGivenUp || before?.mayBeUnknown === true,
      isHeld: answeringOf(command) === 'late' && this.isListening(service),
    });
  }

  /** Tells that a participant breaks off, and with it perhaps all that it is just asked. */
  breakOff(service: string, asked: readonly BranchCommand[]): void {
    const others = asked.filter((command) => command.service === service);
    const company = others.map((command) => this.sent.get(attemptKey(command)));
    for (const sent of [...company, ...this.heldAt(service)]) {
      if (sent !== undefined) {
        disturb(sent);
      }
    }
  }

  /** Returns the attempts whose answers come now. */
  release(): readonly string[] {
    const held = [...this.sent.values()].filter(({ isHeld }) => isHeld);
    for (const sent of held) {
      sent.isHeld = false;
    }
    return attemptsOf(held.filter(({ isCalm, isOpen }) => isCalm && isOpen));
  }

  heldCount(): number {
    return [...this.sent.values()].filter(({ isHeld }) => isHeld).length;
  }

  /** Returns whether the participant must get the command that was just handed over. */
  owesDelivery(command: BranchCommand): boolean {
    const sent = this.sent.get(attemptKey(command));
    return sent !== undefined && sent.isCalm && sent.isOpen;
  }

  /** Returns whether a reply must come to the command that was just handed over. */
  owesReply(command: BranchCommand): boolean {
    const sent = this.sent.get(attemptKey(command));
    return sent !== undefined && !sent.isHeld && sent.isOpen && (this.traits.noticesNobody || sent.isCalm);
  }

  mayArrive(command: BranchCommand, service: string): boolean {
    const sent = this.sent.get(attemptKey(command));
    return sent !== undefined && sent.mayArrive && command.service === service;
  }

  /** Returns whether a transport may bring this back when participants gave `given` to the attempt. */
  mayReply({ reply, ...attempt }: ReplyEnvelope, given: readonly BranchReply[]): boolean {
    const sent = this.sent.get(attemptKey(attempt));
    const isGiven = given.some((one) => isDeepStrictEqual(one, reply));
    return sent !== undefined && (isGiven || (reply.outcome === 'unknown' && sent.mayBeUnknown));
  }

  /** A later attempt takes the place of one that still waits, and so does an undo that of its action. */
  private replaceBy(command: BranchCommand): void {
    for (const [attempt, sent] of this.sent) {
      const { gid, branchId, op, round } = sent.command;
      const isOfBranch = gid === command.gid && branchId === command.branchId;
      const isEarlier = op === command.op && round === command.round && attempt !== attemptKey(command);
      const isUndone = op === 'action' && command.op !== 'action';
      if (isOfBranch && (isEarlier || isUndone)) {
        sent.isOpen = false;
        sent.mayBeUnknown = true;
      }
    }
  }

  private heldAt(service: string): readonly Sent[] {
    return [...this.sent.values()].filter(({ command, isHeld }) => isHeld && command.service === service);
  }
}

function disturb(sent: Sent): void {
  sent.isCalm = false;
  sent.mayBeUnknown = true;
}

function attemptsOf(sent: readonly Sent[]): readonly string[] {
  return sent.map(({ command }) => attemptKey(command));
}

export function answeringOf({ input }: BranchCommand): Answering {
  return (input as { readonly answering: Answering }).answering;
}
