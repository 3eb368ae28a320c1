import type { IncomingMessage } from 'node:http';
import {
  checkSignature,
  COMMANDS_PATH,
  foreignCaller,
  HEADERS,
  PROTOCOL_VERSION,
  type SigningKey,
} from '@atone/protocol';
import { parseBatch, type ReceivedCommand } from './command-batch.js';
import { MisuseError } from '../participant.error.js';
import { RequestRejected, type Rejection } from './http.problem.js';

/** 1 MiB of payloads, and room for what surrounds them in a batch. */
export const BODY_BYTES_MAX = 1_048_576 + 262_144;

export interface RequestRules {
  /** Where commands are taken. */
  readonly path: string;
  /** Who may ask. Without keys, only this machine may. */
  readonly keys: readonly SigningKey[];
  readonly clock: { now(): number };
}

/** Returns where commands are taken below `prefix`. @throws MisuseError if that is no path. */
export function commandsPath(prefix = ''): string {
  const path = `${prefix.replace(/\/$/u, '')}${COMMANDS_PATH}`;
  if (new URL(path, 'http://here').pathname !== path) {
    throw new MisuseError(
      `The prefix '${prefix}' is no path that a request could have. Write it like '/internal', as in the URL by which ` +
        'the coordinator reaches this service.',
    );
  }
  return path;
}

/** Reads a batch of commands. @throws RequestRejected, before the body is parsed if the sender is not who it must be. */
export async function readBatch(
  request: IncomingMessage,
  rules: RequestRules,
): Promise<readonly ReceivedCommand[]> {
  checkTarget(request, rules);
  checkSender(request, rules);
  const body = await readBody(request);
  checkSigned(request, body, rules);
  checkVersion(request);
  return parseBatch(body);
}

function checkTarget(request: IncomingMessage, { path }: RequestRules): void {
  if (pathOf(request) !== path) {
    reject({
      status: 404,
      code: 'NOT_FOUND',
      title: 'Not found',
      detail: `Commands are taken at ${path}.`,
    });
  }
  if (request.method !== 'POST') {
    reject({
      status: 405,
      code: 'METHOD_NOT_ALLOWED',
      title: 'Method not allowed',
      detail: `${path} takes POST, not ${request.method ?? 'this'}.`,
      headers: { allow: 'POST' },
    });
  }
  // What a page in a browser may send without asking first is not taken.
  if (!/^application\/json\b/iu.test(request.headers['content-type'] ?? '')) {
    reject({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      title: 'Unsupported media type',
      detail: 'A batch of commands is application/json.',
      errors: [{ field: 'content-type', message: 'must be application/json' }],
    });
  }
}

function checkSender(request: IncomingMessage, { keys }: RequestRules): void {
  if (keys.length === 0) {
    checkMachine(request);
  } else if (request.headers[HEADERS.signature] === undefined) {
    unsigned('the signature is missing');
  }
}

/** What proxies add. One on this machine makes every caller look like this machine. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'via'];

/** Without keys, where a request comes from is all there is to go by. */
function checkMachine({ socket, headers }: IncomingMessage): void {
  if (!isLoopback(socket.remoteAddress)) {
    reject({
      status: 401,
      code: 'UNAUTHORIZED',
      title: 'Unauthorized',
      detail: 'Without signing keys this service takes commands from its own machine only. Give it `keys`.',
    });
  }
  const forwarded = PROXY_HEADERS.find((name) => headers[name] !== undefined);
  if (forwarded !== undefined) {
    forbidden(`a proxy passed it on, as its header '${forwarded}' shows. Give this service \`keys\``);
  }
  const why = foreignCaller(headers);
  if (why !== undefined) {
    forbidden(
      `${why}. Register localhost or a loopback address as \`baseUrl\`, or give this service \`keys\``,
    );
  }
}

function forbidden(why: string): never {
  return reject({
    status: 403,
    code: 'FORBIDDEN',
    title: 'Not allowed',
    detail: `Without signing keys this service takes commands from its own machine only, and the request is refused: ${why}.`,
  });
}

function checkSigned(request: IncomingMessage, body: string, { path, keys, clock }: RequestRules): void {
  if (keys.length === 0) {
    return;
  }
  const header = request.headers[HEADERS.signature];
  const signed = { method: 'POST', path, body };
  const check = checkSignature(signed, String(header), { keys, nowMs: clock.now() });
  if (!check.ok) {
    unsigned(check.why);
  }
}

function unsigned(why: string): never {
  return reject({
    status: 401,
    code: 'UNAUTHORIZED',
    title: 'Unauthorized',
    detail: `The request is refused: ${why}.`,
    errors: [{ field: HEADERS.signature, message: why }],
  });
}

/** A request without the header is judged by the version in its body. */
function checkVersion(request: IncomingMessage): void {
  const version = request.headers[HEADERS.protocol];
  if (version !== undefined && version !== String(PROTOCOL_VERSION)) {
    reject({
      status: 400,
      code: 'BAD_REQUEST',
      title: 'Unknown version of the protocol',
      detail: `This service speaks version ${PROTOCOL_VERSION} of the protocol, and the request is of version ${String(version)}.`,
      errors: [{ field: HEADERS.protocol, message: `must be one of: ${PROTOCOL_VERSION}` }],
      headers: { [HEADERS.protocol]: String(PROTOCOL_VERSION) },
    });
  }
}

function readBody(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) {
    tooLarge();
  }
  return new Promise((resolve, refuse) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > BODY_BYTES_MAX) {
        request.removeAllListeners('data').resume();
        refuse(new RequestRejected(TOO_LARGE));
        return;
      }
      parts.push(part);
    });
    request.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    request.once('error', refuse);
    request.once('close', () => refuse(new Error('The request ended before its body.')));
  });
}

const TOO_LARGE: Rejection = {
  status: 413,
  code: 'PAYLOAD_TOO_LARGE',
  title: 'Payload too large',
  detail: `A batch has at most ${BODY_BYTES_MAX} octets.`,
};

function tooLarge(): never {
  return reject(TOO_LARGE);
}

/** Express cuts off of `url` what a listener is mounted at, and keeps the whole. */
function pathOf(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? '').split('?', 1)[0] ?? '';
}

/** Tells whether an address, or a host to listen on, belongs to this machine alone. */
export function isLoopback(address: string | undefined): boolean {
  return /^(?:localhost|::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/u.test(address ?? '');
}

function reject(rejection: Rejection): never {
  throw new RequestRejected(rejection);
}
