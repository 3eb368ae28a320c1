import { z } from 'zod';

/** Returns the schema of a variable that is `true` or `false`. */
export function flag() {
  return z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true');
}

/** Returns the schema of a variable that is a whole number within these bounds. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/u, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}
