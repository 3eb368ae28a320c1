import { pointerOf } from '@atone/core';
import type { FastifyInstance } from 'fastify';
import { errorFacts } from '../error.facts.js';
import { RequestError } from './request.error.js';

export const BODY_BYTES_MAX = 1_048_576;
const JSON_DEPTH_MAX = 32;

/** Has the server read bodies of JSON, and refuse every other kind. */
export function parseJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

/**
 * Returns the value of a JSON text, or undefined when the text is empty.
 *
 * @throws {RequestError} when it is no JSON, nests too deep, or holds keys that change what objects are in JavaScript.
 */
function parseJson(text: string): unknown {
  if (text === '') {
    return undefined;
  }
  const value = parse(text);
  checkTree(value, []);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new RequestError('BAD_REQUEST', `The body is not JSON: ${errorFacts(error).message}.`);
  }
}

/** Walks the tree without a copy of its members: all that comes passes here. */
function checkTree(value: unknown, path: string[]): void {
  if (typeof value !== 'object' || value === null) {
    return;
  }
  if (path.length >= JSON_DEPTH_MAX) {
    throw new RequestError('BAD_REQUEST', `The body nests deeper than ${JSON_DEPTH_MAX} levels.`);
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      checkMember(value[index], String(index), path);
    }
    return;
  }
  // oxlint-disable-next-line guard-for-in -- what was parsed inherits nothing that is listed
  for (const key in value) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (isPoisoned(key, member)) {
      throw forbiddenKey(key, path);
    }
    checkMember(member, key, path);
  }
}

function checkMember(member: unknown, key: string, path: string[]): void {
  if (typeof member === 'object' && member !== null) {
    path.push(key);
    checkTree(member, path);
    path.pop();
  }
}

function forbiddenKey(key: string, path: readonly string[]): RequestError {
  const field = pointerOf([...path, key]);
  return new RequestError('BAD_REQUEST', `The body holds the forbidden key '${key}' at ${field}.`, {
    errors: [{ field, message: 'is a forbidden key' }],
  });
}

/** Code that copies such a member carelessly changes the prototype of its objects. */
function isPoisoned(key: string, member: unknown): boolean {
  return (
    key === '__proto__' ||
    (key === 'constructor' &&
      typeof member === 'object' &&
      member !== null &&
      Object.hasOwn(member, 'prototype'))
  );
}
