import type { Counts, Ending, ListQuery } from '@atone/protocol';
import type { LoggedEnding, RowCounts, RowFilter } from './log.port.js';

/** Returns the filter of the log that a query means. */
export function filterOf(query: ListQuery): RowFilter {
  const { state, outcome, stuckReason, name, service, idempotencyKey, after, limit } = query;
  return {
    state,
    outcome,
    isStuck: booleanOf(query.stuck),
    stuckReason,
    isPaused: booleanOf(query.paused),
    name,
    service,
    tag: tagOf(query.tag),
    idempotencyKey,
    acceptedFrom: instantOf(query.acceptedFrom),
    acceptedTo: instantOf(query.acceptedTo),
    afterGid: after,
    limit,
  };
}

/** Returns the counts as the API shows them. */
export function countsOf({ byState, stuckByReason, oldestStuckAt, ...counts }: RowCounts): Counts {
  return {
    byState: { ...byState },
    stuck: Object.values(stuckByReason).reduce((sum, count) => sum + count, 0),
    stuckByReason: { ...stuckByReason },
    paused: counts.pausedCount,
    unknownFormat: counts.unknownFormatCount,
    oldestStuckSince: oldestStuckAt === undefined ? undefined : iso(oldestStuckAt),
  };
}

/** Returns what the log knows of an end as the API shows it. */
export function endingOf({ gid, endedForMs }: LoggedEnding): Ending {
  return endedForMs === undefined ? { gid, isLive: true } : { gid, isLive: false, endedForMs };
}

/** The instants of late, each at a place of its own: a view tells some of them twice, and the views of one batch the same ones. */
const written: { readonly at: number; readonly text: string }[] = [];
const WRITTEN_COUNT = 1_024;

/** Writes an instant of the log as the API does. */
export function iso(at: number): string {
  const place = at % WRITTEN_COUNT;
  const known = written[place];
  if (known?.at === at) {
    return known.text;
  }
  // oxlint-disable-next-line no-restricted-globals -- the format of an instant that is given; no clock is read.
  const text = new Date(at).toISOString();
  if (Number.isSafeInteger(at) && at >= 0) {
    written[place] = { at, text };
  }
  return text;
}

function booleanOf(text: 'true' | 'false' | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true';
}

function tagOf(text: string | undefined): RowFilter['tag'] {
  if (text === undefined) {
    return undefined;
  }
  const split = text.indexOf('=');
  return { name: text.slice(0, split), value: text.slice(split + 1) };
}

function instantOf(text: string | undefined): number | undefined {
  // oxlint-disable-next-line no-restricted-globals -- as above
  return text === undefined ? undefined : Date.parse(text);
}
