import type { LedBranch, RegisteredBelow } from '@atone/core';
import type { Enlisted } from './scope.port.js';
import { enlistedOf, type ScopeEnd } from './scope.js';

/** A list in short: what is registered stands on it only by prefixes. */
export interface ShortList extends Enlisted {
  readonly toRegister: readonly LedBranch[];
}

/**
 * Returns what must be registered so that the list becomes short, and what is then left to tell.
 *
 * A prefix must cover nothing that is off the list: calls that threw, or that were sent more than once, may have left
 * branches below them that are registered too. What no such prefix covers stays on the list as it is.
 */
export function shorten(prefix: string, end: ScopeEnd): ShortList {
  const clear = end.returned.filter(({ number }) => !end.unclear.has(number));
  const digits = clear.map(({ number }) => String(number));
  const covers = coversOf('', digits, {
    unclear: Array.from(end.unclear, String),
    // An empty prefix would mean all branches, which is none.
    isRootAllowed: prefix !== '',
  });
  const isCovered = (call: { readonly number: number }): boolean =>
    !end.unclear.has(call.number) && covers.some((cover) => String(call.number).startsWith(cover));
  const covered = enlistedOf({ ...end, returned: end.returned.filter(isCovered) });
  const open = enlistedOf({ ...end, returned: end.returned.filter((call) => !isCovered(call)) });
  const registered = covers.flatMap((cover) => countBelow(`${prefix}${cover}`, covered));
  return {
    toRegister: covered.below,
    below: open.below,
    registered: [...registered, ...open.registered],
  };
}

function countBelow(
  prefix: string,
  {
    below,
    registered,
  }: { readonly below: readonly LedBranch[]; readonly registered: readonly RegisteredBelow[] },
): RegisteredBelow[] {
  const ownCount = below.filter(({ branchId }) => branchId.startsWith(prefix)).length;
  const lists = registered.filter((list) => list.prefix.startsWith(prefix));
  const count = lists.reduce((sum, list) => sum + list.count, ownCount);
  return count === 0 ? [] : [{ prefix, count }];
}

interface Bounds {
  readonly unclear: readonly string[];
  readonly isRootAllowed: boolean;
}

/** Goes down digit by digit until nothing unclear is left below. */
function coversOf(at: string, clear: readonly string[], bounds: Bounds): string[] {
  const mine = clear.filter((number) => number.startsWith(at));
  if (mine.length === 0) {
    return [];
  }
  const isFree = !bounds.unclear.some((number) => number.startsWith(at));
  return isFree && (at !== '' || bounds.isRootAllowed)
    ? [at]
    : Array.from('0123456789').flatMap((digit) => coversOf(`${at}${digit}`, mine, bounds));
}
