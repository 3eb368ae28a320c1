import type { BranchCommand } from '@atone/protocol';
import { nameOf, type CommandFate, type ParticipantFate, type ReplyFate, type Tap } from './message.js';

/** A place in the course of a transaction at which something may happen. */
export type Place =
  | { readonly type: 'coordinator'; readonly name: string }
  | { readonly type: 'participant'; readonly name: string; readonly command: BranchCommand }
  | { readonly type: 'command'; readonly command: BranchCommand }
  | { readonly type: 'reply'; readonly command: BranchCommand };

/** What happens at a place instead of nothing. */
export type Mishap = Exclude<ParticipantFate | CommandFate | ReplyFate, 'passes'>;

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
      return `${place.command.service} ${place.name} of ${place.command.branchId}`;
    case 'command':
      return nameOf(place.command);
    case 'reply':
      return `reply to ${nameOf(place.command)}`;
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

  private isHere(place: Place): boolean {
    const { place: wanted, pass } = this.spot;
    const isIt =
      place.type === wanted.type && keyOf(place) === keyOf(wanted) && this.passes.next(place) === pass;
    this.hasHappened ||= isIt;
    return isIt;
  }
}
