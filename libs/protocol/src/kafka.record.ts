import { attemptKey, type BranchCommand, type ReplyEnvelope } from './command.schema.js';
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
  place: { readonly topic: string; readonly replyTo: ReplyPlace },
  origin: RecordOrigin,
): WireRecord {
  const { lane, traceparent } = command;
  const own = {
    [RECORD_HEADERS.replyTo]: `${place.replyTo.topic}/${place.replyTo.partition}`,
    ...(lane === undefined ? {} : { [HEADERS.lane]: lane }),
    ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
  };
  return recordOf({ topic: place.topic, type: COMMAND_TYPE, content: command, own }, origin);
}

/** Returns the record that brings an answer to where it is waited for. */
export function replyRecord(envelope: ReplyEnvelope, place: ReplyPlace, origin: RecordOrigin): WireRecord {
  const record = recordOf({ topic: place.topic, type: REPLY_TYPE, content: envelope, own: {} }, origin);
  return { ...record, partition: place.partition };
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

interface Content {
  readonly topic: string;
  readonly type: string;
  readonly content: BranchCommand | ReplyEnvelope;
  readonly own: Readonly<Record<string, string>>;
}

function recordOf({ topic, type, content, own }: Content, origin: RecordOrigin): WireRecord {
  const { source, nowMs, signingKey } = origin;
  const value = JSON.stringify(content);
  const headers = {
    [RECORD_HEADERS.specVersion]: '1.0',
    [RECORD_HEADERS.id]: attemptKey(content).replaceAll(' ', '/'),
    [RECORD_HEADERS.type]: type,
    [RECORD_HEADERS.source]: source,
    [RECORD_HEADERS.contentType]: 'application/json',
    [HEADERS.protocol]: String(PROTOCOL_VERSION),
    ...own,
  };
  const signature =
    signingKey === undefined
      ? {}
      : { [HEADERS.signature]: signRequest(signedPart(topic, headers, value), signingKey, nowMs) };
  return { topic, key: content.gid, value, headers: { ...headers, ...signature } };
}
