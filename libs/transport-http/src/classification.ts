import {
  isJsonObject,
  JSON_DEPTH_MAX,
  nestsDeeper,
  type BranchErrorClass,
  type BranchReply,
  type Json,
  type Refusal,
} from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import type { ResponseHeaders } from './exchange.js';

/**
 * What each status means. What is not listed is `error`, for both kinds: unknown, and asked again.
 *
 * A refusal comes only from the one status that says so. Whatever else is not a yes may have taken effect.
 */
export type StatusMeaning = 'yes' | 'refused' | 'not-yet' | BranchErrorClass;

export const PLAIN_STATUSES: Readonly<Record<number, StatusMeaning>> = {
  202: 'not-yet',
  425: 'not-yet',
  409: 'refused',
  404: 'action-gone',
  405: 'action-gone',
  501: 'action-gone',
  408: 'unreachable',
  429: 'unreachable',
  503: 'unreachable',
};

/** A library participant answers in its lines. A 404 is an address where it does not, or not yet, listen. */
export const LIBRARY_STATUSES: Readonly<Record<number, StatusMeaning>> = {
  404: 'unreachable',
  405: 'unreachable',
  408: 'unreachable',
  429: 'unreachable',
  503: 'unreachable',
};

const NOT_YET_MS = 1_000;
/** Nothing is gained by asking faster, and "not yet" costs no attempt, so nothing else would slow it down. */
const RETRY_AFTER_MIN_MS = 100;
const RETRY_AFTER_MAX_MS = 3_600_000;
const REASON_CHARS_MAX = 1_024;
const PROBLEM_MEMBERS = new Set(['type', 'title', 'status', 'detail', 'instance', 'reason']);

export interface PlainAnswer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly text: string;
  /** Whether `text` is all of the body. */
  readonly isWhole: boolean;
}

export function plainMeaning(status: number): StatusMeaning {
  return PLAIN_STATUSES[status] ?? yesOrError(status);
}

export function libraryMeaning(status: number): StatusMeaning {
  return LIBRARY_STATUSES[status] ?? yesOrError(status);
}

function yesOrError(status: number): StatusMeaning {
  return status >= 200 && status < 300 ? 'yes' : 'error';
}

/** Returns what the answer of a plain endpoint to `command` means. */
export function classifyPlain(command: BranchCommand, answer: PlainAnswer, nowMs: number): BranchReply {
  const meaning = plainMeaning(answer.status);
  switch (meaning) {
    case 'yes':
      return yesTo(command, answer);
    case 'refused':
      return { outcome: 'refused', refusal: refusalOf(answer) };
    case 'not-yet':
      return { outcome: 'not-yet', retryAfterMs: retryAfterMs(answer.headers, nowMs) };
    case 'unreachable':
    case 'timeout':
    case 'error':
    case 'code':
    case 'bad-payload':
    case 'action-gone':
      return unknown(meaning, statusMessage(answer.status, answer.text));
  }
}

function yesTo({ op }: BranchCommand, answer: PlainAnswer): BranchReply {
  if (op === 'compensate') {
    return { outcome: 'undone', wasEmpty: false };
  }
  return op === 'confirm' ? { outcome: 'confirmed' } : doneOf(answer);
}

/** Returns the reply for what nobody knows the outcome of. */
export function unknown(errorClass: BranchErrorClass, message: string): BranchReply {
  return { outcome: 'unknown', error: { class: errorClass, message } };
}

/** Returns a sentence about an answer that is no yes, with the remedy where the status names one. */
export function statusMessage(status: number, text: string): string {
  const problem = parse(text);
  const detail = isJsonObject(problem) ? stringOf(problem['detail']) : undefined;
  const said = detail === undefined ? '' : ` It says: ${detail.slice(0, REASON_CHARS_MAX)}`;
  if (status === 401 || status === 403) {
    return `The participant answered ${status}: it does not accept the signature. Check that the signing secret is the same on both sides.${said}`;
  }
  if (status >= 300 && status < 400) {
    return `The participant answered ${status}, and redirects are not followed. Register the address that it points to.`;
  }
  return `The participant answered ${status}.${said}`;
}

function doneOf(answer: PlainAnswer): BranchReply {
  if (!answer.isWhole) {
    return unknown('error', `The participant answered ${answer.status} with a body that is too large.`);
  }
  if (answer.text.trim() === '') {
    return { outcome: 'done', output: null };
  }
  const output = parse(answer.text);
  return output === undefined
    ? unknown(
        'error',
        `The participant answered ${answer.status} with a body that is not JSON, or nests deeper than ${JSON_DEPTH_MAX} levels.`,
      )
    : { outcome: 'done', output };
}

/** The coordinator's own log keeps a plain endpoint's no, so it counts as stored. */
function refusalOf(answer: PlainAnswer): Refusal {
  const body = parse(answer.text);
  if (!isJsonObject(body)) {
    const reason = answer.text.trim();
    return { reason: cap(reason === '' ? 'no reason was given' : reason), isStored: true };
  }
  const reason =
    stringOf(body['detail']) ?? stringOf(body['reason']) ?? stringOf(body['title']) ?? answer.text;
  const rest = Object.entries(body).filter(([name]) => !PROBLEM_MEMBERS.has(name));
  const details = body['details'] ?? (rest.length === 0 ? undefined : Object.fromEntries(rest));
  return { reason: cap(reason), ...(details === undefined ? {} : { details }), isStored: true };
}

function cap(reason: string): string {
  return reason.slice(0, REASON_CHARS_MAX);
}

/** Reads Retry-After: seconds, or a date by the log's clock. */
function retryAfterMs(headers: ResponseHeaders, nowMs: number): number {
  const value = headers['retry-after'];
  if (typeof value !== 'string') {
    return NOT_YET_MS;
  }
  const ms = /^\d+$/u.test(value) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? NOT_YET_MS : Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, ms));
}

function parse(text: string): Json | undefined {
  if (nestsDeeper(text, JSON_DEPTH_MAX)) {
    return undefined;
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function stringOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
