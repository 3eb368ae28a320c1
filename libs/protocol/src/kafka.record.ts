import type { z } from 'zod';
import type { attemptSchema, BranchCommand, ReplyEnvelope } from './command.schema.js';
import { HEADERS } from './headers.js';
import { signRequest, type SignedRequest, type SigningKey } from './signature.js';
import { PROTOCOL_VERSION } from './version.js';

/** A record that is to be stored. */
export interface WireRecord {
  readonly topic: string;
  readonly key: string;
  readonly partition?: number | undefined;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record as it was stored. */
export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the answer to a command is waited for. */
export interface ReplyPlace {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Headers of records beside those of {@link HEADERS}: the attributes that CloudEvents 1.0 in binary mode asks of each event, and ours.
 * Each header costs both sides, and the subject and the time would only say again what the value and the record say.
 */
export const RECORD_HEADERS = {
  specVersion: 'ce_specversion',
  id: 'ce_id',
  type: 'ce_type',
  source: 'ce_source',
  contentType: 'content-type',
  /** In commands: `<topic>/<partition>`. */
  replyTo: 'atone-reply-to',
  /** In replies that came to somebody else first: who sent them on. They are not sent on again. */
  forwarded: 'atone-forwarded',
  deadReason: 'atone-dead-reason',
  deadTopic: 'atone-dead-topic',
  deadPartition: 'atone-dead-partition',
  deadOffset: 'atone-dead-offset',
} as const;

export const COMMAND_TYPE = 'dev.atone.command.v1';
export const REPLY_TYPE = 'dev.atone.reply.v1';

/** Octets in the value of a command: with its headers it stays below what a broker takes, if nobody has told it otherwise. */
export const COMMAND_BYTES_MAX = 1_000_000;

/** Octets in the value of a reply. */
export const REPLY_BYTES_MAX = 65_536;

/** UTF-8 takes no more for any of the units by which texts are as long as they are. */
const UNIT_BYTES_MAX = 3;

/** Returns how many octets `text` has if they are more than `bytesMax`. Short texts are not counted. */
export function bytesIfMore(text: string, bytesMax: number): number | undefined {
  if (text.length * UNIT_BYTES_MAX <= bytesMax) {
    return undefined;
  }
  const bytes = Buffer.byteLength(text);
  return bytes > bytesMax ? bytes : undefined;
}

const REASON_LENGTH_MAX = 1_000;

/** Who sends a record, and when. */
export interface RecordOrigin {
  /** A URI reference, such as `/coordinators/7f3a` or `/services/stock`. */
  readonly source: string;
  readonly nowMs: number;
  readonly signingKey?: SigningKey | undefined;
}

/** Returns the record that brings `command` to a service, and asks for the answer at `replyTo`. */
export function commandRecord(
  command: BranchCommand,
  { topic, replyTo }: { readonly topic: string; readonly replyTo: ReplyPlace },
  origin: RecordOrigin,
): WireRecord {
  const { lane, traceparent } = command;
  const headers = headersOf(command, COMMAND_TYPE, origin);
  headers[RECORD_HEADERS.replyTo] = `${replyTo.topic}/${replyTo.partition}`;
  if (lane !== undefined) {
    headers[HEADERS.lane] = lane;
  }
  if (traceparent !== undefined) {
    headers[HEADERS.traceparent] = traceparent;
  }
  return signed({ topic, key: command.gid, value: JSON.stringify(command), headers }, origin);
}

/** Returns the record that brings an answer to where it is waited for. */
export function replyRecord(
  envelope: ReplyEnvelope,
  { topic, partition }: ReplyPlace,
  origin: RecordOrigin,
): WireRecord {
  const headers = headersOf(envelope, REPLY_TYPE, origin);
  return signed({ topic, key: envelope.gid, partition, value: JSON.stringify(envelope), headers }, origin);
}

/** Returns `record` addressed to another partition. It stays as it was signed. */
export function forwardedRecord(
  { topic, key, value, headers }: StoredRecord,
  to: { readonly partition: number; readonly by: string },
): WireRecord {
  return {
    topic,
    partition: to.partition,
    key: key ?? '',
    value: value ?? '',
    headers: { ...headers, [RECORD_HEADERS.forwarded]: to.by },
  };
}

/** Returns what is kept of a record that nobody can read: all of it, where it was, and why. */
export function deadRecord(
  { topic, partition, offset, key, value, headers }: StoredRecord,
  dead: { readonly topic: string; readonly reason: string },
): WireRecord {
  return {
    topic: dead.topic,
    key: key ?? '',
    value: value ?? '',
    headers: {
      ...headers,
      [RECORD_HEADERS.deadReason]: dead.reason.slice(0, REASON_LENGTH_MAX),
      [RECORD_HEADERS.deadTopic]: topic,
      [RECORD_HEADERS.deadPartition]: String(partition),
      [RECORD_HEADERS.deadOffset]: String(offset),
    },
  };
}

/** Returns what the signature of a record covers. The partition is not part of it: a reply may be sent on. */
export function signedPart(
  topic: string,
  headers: Readonly<Record<string, string>>,
  value: string,
): SignedRequest {
  const { type, replyTo } = RECORD_HEADERS;
  return {
    method: 'KAFKA',
    path: [topic, headers[type] ?? '', headers[replyTo] ?? ''].join(' '),
    body: value,
  };
}

/** The names are written out once more, as those of {@link RECORD_HEADERS}: computed ones cost each record more than all else here. */
function headersOf(
  { gid, branchId, op, round, attempt }: z.infer<typeof attemptSchema>,
  type: string,
  { source }: RecordOrigin,
): Record<string, string> {
  // By itself, so that the long text is put together once.
  const tail = `/${op}/${round}/${attempt}`;
  return {
    ce_specversion: '1.0',
    ce_id: `${gid}/${branchId + tail}`,
    ce_type: type,
    ce_source: source,
    'content-type': 'application/json',
    'atone-protocol': VERSION,
  } satisfies Record<CommonHeader, string>;
}

type CommonHeader =
  (typeof RECORD_HEADERS)['specVersion' | 'id' | 'type' | 'source' | 'contentType'] | typeof HEADERS.protocol;

const VERSION = String(PROTOCOL_VERSION);

/** Signs a record that has not left yet, where there is a key. */
function signed(
  record: WireRecord & { readonly headers: Record<string, string> },
  { signingKey, nowMs }: RecordOrigin,
): WireRecord {
  if (signingKey !== undefined) {
    const { topic, headers, value } = record;
    headers[HEADERS.signature] = signRequest(signedPart(topic, headers, value), signingKey, nowMs);
  }
  return record;
}
