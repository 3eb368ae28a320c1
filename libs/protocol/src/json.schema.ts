import type { Json } from '@atone/core';
import { z } from 'zod';

/** Any JSON value. Checked no further: payloads belong to the users. */
export const jsonSchema: z.ZodType<Json> = z.json();

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/u;

/** Tells whether `text` may be the name of a service, an action or a lane. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** A name of a service, an action or a lane. */
export const nameSchema = z
  .string()
  .regex(NAME, 'must start with a letter and hold only letters, digits, _ . -');

/** A text that PostgreSQL can hold: any but with the character 0. */
export const textSchema = z.string().regex(/^[^\0]*$/u, 'must not hold the character 0');

export const gidSchema = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u,
    'must be a gid: a UUIDv7 in lower case',
  );
