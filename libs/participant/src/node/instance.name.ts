import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Returns a name for this instance of a service: host, process and a random part. */
export function drawInstance(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/gu, '-')
    .slice(0, 80);
  return `${host}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
