import { JSON_DEPTH_MAX, nestsDeeper } from '@atone/core';
import type { z } from 'zod';
import {
  attemptSchema,
  branchCommandSchema,
  replyEnvelopeSchema,
  type BranchCommand,
  type ReplyEnvelope,
} from './command.schema.js';
import { HEADERS } from './headers.js';
import {
  bytesIfMore,
  COMMAND_BYTES_MAX,
  COMMAND_TYPE,
  RECORD_HEADERS,
  REPLY_BYTES_MAX,
  REPLY_TYPE,
  signedPart,
  type ReplyPlace,
  type StoredRecord,
} from './kafka.record.js';
import { isRepliesTopic, TOPIC_LENGTH_MAX } from './kafka.topics.js';
import { rememberingLast } from './last.reading.js';
import { plainCommand, plainReply } from './plain.reading.js';
import { checkSignature, type SigningKey } from './signature.js';
import { PROTOCOL_VERSION } from './version.js';

/** For how long a signature is good, if nothing else is said: as long as Kafka keeps a record by itself. */
export const RECORD_AGE_MAX_MS = 7 * 86_400_000;

/** Whose records are taken. */
export interface RecordTrust {
  /** Any one of them. Without keys everybody's are: then the brokers alone decide who may write. */
  readonly keys: readonly SigningKey[];
  readonly nowMs: number;
  /** How old a signature may be: a record may wait for long. Default: seven days. */
  readonly ageMaxMs?: number | undefined;
}

/** A record that makes no sense, or that nobody may have sent: it belongs to the dead letters. */
export interface Unreadable {
  readonly type: 'unreadable';
  readonly cause: 'content' | 'signature';
  /** A sentence for people. */
  readonly reason: string;
}

/** What a record of a commands topic says. `malformed`: what cannot be carried out, but answered. */
export type ReadCommand =
  | { readonly type: 'command'; readonly command: BranchCommand; readonly replyTo: ReplyPlace }
  | {
      readonly type: 'malformed';
      readonly reason: string;
      readonly attempt: z.infer<typeof attemptSchema>;
      readonly replyTo: ReplyPlace;
    }
  | Unreadable;

/** What a record of a replies topic says. */
export type ReadReply =
  { readonly type: 'reply'; readonly envelope: ReplyEnvelope; readonly isForwarded: boolean } | Unreadable;

/** Reads a record of a topic of commands. Never throws. `prefix`: what the topics begin with that answers may go to. */
export function readCommandRecord(record: StoredRecord, trust: RecordTrust, prefix: string): ReadCommand {
  const content = contentOf(record, trust, { type: COMMAND_TYPE, bytesMax: COMMAND_BYTES_MAX });
  if ('reason' in content) {
    return content;
  }
  const replyTo = replyPlaceOf(record);
  if (replyTo === undefined || !isRepliesTopic(prefix, replyTo.topic)) {
    return unreadable(`Its header ${RECORD_HEADERS.replyTo} names no place for an answer.`);
  }
  const plain = plainCommand(content.json);
  if (plain !== undefined) {
    return { type: 'command', command: plain, replyTo };
  }
  const { data, error } = branchCommandSchema.safeParse(content.json);
  if (data !== undefined) {
    return { type: 'command', command: data, replyTo };
  }
  const reason = `The command is malformed: ${problemsOf(error)}`;
  const attempt = attemptSchema.safeParse(content.json).data;
  return attempt === undefined ? unreadable(reason) : { type: 'malformed', reason, attempt, replyTo };
}

/** Reads a record of a topic of replies. Never throws. */
export function readReplyRecord(record: StoredRecord, trust: RecordTrust): ReadReply {
  const content = contentOf(record, trust, { type: REPLY_TYPE, bytesMax: REPLY_BYTES_MAX });
  if ('reason' in content) {
    return content;
  }
  const isForwarded = RECORD_HEADERS.forwarded in record.headers;
  const plain = plainReply(content.json);
  if (plain !== undefined) {
    return { type: 'reply', envelope: plain, isForwarded };
  }
  const { data, error } = replyEnvelopeSchema.safeParse(content.json);
  return data === undefined
    ? unreadable(`The reply is malformed: ${problemsOf(error)}`)
    : { type: 'reply', envelope: data, isForwarded };
}

interface Expected {
  readonly type: string;
  readonly bytesMax: number;
}

/** The envelope takes three levels more than what it carries. */
const DEPTH_MAX = JSON_DEPTH_MAX + 3;

/** Nothing of a record is parsed before it is known who has signed it. */
function contentOf(
  { topic, headers, value }: StoredRecord,
  trust: RecordTrust,
  { type, bytesMax }: Expected,
): { readonly json: unknown } | Unreadable {
  if (value === undefined) {
    return unreadable('It has no value.');
  }
  const bytes = bytesIfMore(value, bytesMax);
  if (bytes !== undefined) {
    return unreadable(`Its value has ${bytes} octets, and ${bytesMax} is the most.`);
  }
  if (trust.keys.length > 0) {
    const signed = signedPart(topic, headers, value);
    const check = checkSignature(signed, headers[HEADERS.signature], {
      ...trust,
      ageMaxMs: trust.ageMaxMs ?? RECORD_AGE_MAX_MS,
    });
    if (!check.ok) {
      return unreadable(`It is not to be trusted: ${check.why}.`, 'signature');
    }
  }
  const wrong = wrongHeader(headers, type);
  return wrong === undefined ? parsed(value) : unreadable(wrong);
}

function wrongHeader(headers: StoredRecord['headers'], type: string): string | undefined {
  const { specVersion, type: typeHeader } = RECORD_HEADERS;
  const wrong = wordsOf(headers, specVersion, '1.0') ?? wordsOf(headers, typeHeader, type);
  const version = headers[HEADERS.protocol];
  return wrong !== undefined || version === undefined || version === VERSION
    ? wrong
    : `It is of version ${quoted(version)} of the protocol, and this side speaks version ${PROTOCOL_VERSION}.`;
}

const VERSION = String(PROTOCOL_VERSION);

function wordsOf(headers: StoredRecord['headers'], name: string, wanted: string): string | undefined {
  return headers[name] === wanted
    ? undefined
    : `Its header ${name} is ${quoted(headers[name])}, and must be '${wanted}'.`;
}

function quoted(header: string | undefined): string {
  return header === undefined ? 'missing' : `'${header.slice(0, 128)}'`;
}

function parsed(value: string): { readonly json: unknown } | Unreadable {
  if (nestsDeeper(value, DEPTH_MAX)) {
    return unreadable(`Its value nests deeper than ${JSON_DEPTH_MAX} levels.`);
  }
  try {
    return { json: JSON.parse(value) };
  } catch {
    return unreadable('Its value is no JSON.');
  }
}

const PLACE = /^([A-Za-z0-9._-]+)\/(\d{1,9})$/u;

const placeIn = rememberingLast((header): ReplyPlace | undefined => {
  const [, topic = '', partition] = PLACE.exec(header) ?? [];
  return partition === undefined || topic.length > TOPIC_LENGTH_MAX
    ? undefined
    : { topic, partition: Number(partition) };
});

function replyPlaceOf({ headers }: StoredRecord): ReplyPlace | undefined {
  return placeIn(headers[RECORD_HEADERS.replyTo] ?? '');
}

const PROBLEM_COUNT_MAX = 20;

function problemsOf({ issues }: z.ZodError): string {
  const problems = issues.slice(0, PROBLEM_COUNT_MAX).map(({ path, message }) => {
    const field = path.map((part) => `/${String(part)}`).join('');
    return `${field || 'it'}: ${message}`;
  });
  return problems.join('; ');
}

function unreadable(reason: string, cause: Unreadable['cause'] = 'content'): Unreadable {
  return { type: 'unreadable', cause, reason };
}
