import type { BranchCommand } from '@atone/protocol';
import {
  branchNameOf,
  nameOf,
  type CommandFate,
  type LedRequest,
  type ParticipantFate,
  type ReplyFate,
  type RequestFate,
  type Tap,
} from './message.js';

/** A place in the course of a transaction at which something may happen. */
export type Place =
  | { readonly type: 'coordinator'; readonly name: string }
  | { readonly type: 'participant'; readonly name: string; readonly command: BranchCommand }
  | { readonly type: 'command'; readonly command: BranchCommand }
  | { readonly type: 'reply'; readonly command: BranchCommand }
  | { readonly type: 'request'; readonly request: LedRequest }
  | { readonly type: 'question'; readonly name: string; readonly service: string };

/** What happens at a place instead of nothing. */
export type Mishap = Exclude<ParticipantFate | CommandFate | ReplyFate | RequestFate, 'passes'>;

/** A place, and on which pass of it something happens. */
export interface Spot {
  readonly place: Place;
  /** From 1. */
  readonly pass: number;
}

/** Where a coordinator looks for work is passed every second, whatever the transaction does. */
const IDLE_PLACES = /^engine\.recover\./u;

/** Returns what names the place in every run: ids differ. */
export function keyOf(place: Place): string {
  switch (place.type) {
    case 'coordinator':
      return place.name;
    case 'participant':
      return `${place.command.service} ${place.name} of ${branchNameOf(place.command)}`;
    case 'command':
      return nameOf(place.command);
    case 'reply':
      return `reply to ${nameOf(place.command)}`;
    case 'request':
      return place.request.name;
    case 'question':
      return `${place.service} ${place.name}`;
  }
}

/** Counts the passes of each place. */
class Passes {
  private readonly counts = new Map<string, number>();

  next(place: Place): number {
    const key = keyOf(place);
    const pass = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, pass);
    return pass;
  }
}

/** Notes each place that is passed. */
export class RecordingTap implements Tap {
  readonly spots: Spot[] = [];
  private readonly passes = new Passes();

  coordinatorReached(name: string): 'passes' {
    return IDLE_PLACES.test(name) ? 'passes' : this.note({ type: 'coordinator', name });
  }

  participantReached(name: string, command: BranchCommand): 'passes' {
    return this.note({ type: 'participant', name, command });
  }

  command(command: BranchCommand): 'passes' {
    return this.note({ type: 'command', command });
  }

  reply(command: BranchCommand): 'passes' {
    return this.note({ type: 'reply', command });
  }

  request(request: LedRequest): 'passes' {
    return this.note({ type: 'request', request });
  }

  questionReached(name: string, service: string): 'passes' {
    return this.note({ type: 'question', name, service });
  }

  private note(place: Place): 'passes' {
    this.spots.push({ place, pass: this.passes.next(place) });
    return 'passes';
  }
}

/** Has one thing happen at one spot. */
export class MishapTap implements Tap {
  hasHappened = false;
  private readonly passes = new Passes();

  constructor(
    private readonly spot: Spot,
    private readonly mishap: Mishap,
  ) {}

  coordinatorReached(name: string): 'passes' | 'crashes' {
    return this.isHere({ type: 'coordinator', name }) ? 'crashes' : 'passes';
  }

  participantReached(name: string, command: BranchCommand): ParticipantFate {
    return this.isHere({ type: 'participant', name, command }) ? (this.mishap as ParticipantFate) : 'passes';
  }

  command(command: BranchCommand): CommandFate {
    return this.isHere({ type: 'command', command }) ? (this.mishap as CommandFate) : 'passes';
  }

  reply(command: BranchCommand): ReplyFate {
    return this.isHere({ type: 'reply', command }) ? (this.mishap as ReplyFate) : 'passes';
  }

  request(request: LedRequest): RequestFate {
    return this.isHere({ type: 'request', request }) ? (this.mishap as RequestFate) : 'passes';
  }

  questionReached(name: string, service: string): 'passes' | 'crashes' {
    return this.isHere({ type: 'question', name, service }) ? 'crashes' : 'passes';
  }

  private isHere(place: Place): boolean {
    const { place: wanted, pass } = this.spot;
    const isIt =
      place.type === wanted.type && keyOf(place) === keyOf(wanted) && this.passes.next(place) === pass;
    this.hasHappened ||= isIt;
    return isIt;
  }
}

/** Has two things see all that happens; the first one that has something else happen is obeyed. */
export class TwoTaps implements Tap {
  constructor(
    private readonly first: Tap,
    private readonly second: Tap,
  ) {}

  coordinatorReached(name: string): 'passes' | 'crashes' {
    return this.fate((tap) => tap.coordinatorReached(name));
  }

  participantReached(name: string, command: BranchCommand): ParticipantFate {
    return this.fate((tap) => tap.participantReached(name, command));
  }

  questionReached(name: string, service: string): 'passes' | 'crashes' {
    return this.fate((tap) => tap.questionReached(name, service));
  }

  command(command: BranchCommand): CommandFate {
    return this.fate((tap) => tap.command(command));
  }

  reply(command: BranchCommand): ReplyFate {
    return this.fate((tap) => tap.reply(command));
  }

  request(request: LedRequest): RequestFate {
    return this.fate((tap) => tap.request(request));
  }

  /** Both see it, whatever the first one does: they count. */
  private fate<Fate extends string>(ask: (tap: Tap) => Fate | 'passes'): Fate | 'passes' {
    const [first, second] = [ask(this.first), ask(this.second)];
    return first === 'passes' ? second : first;
  }
}
