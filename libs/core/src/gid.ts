import type { Random } from './random.js';

const GID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;

export const LOG_NUMBER_MAX = 0xfff;

/**
 * Mints the id of a global transaction: a UUIDv7 (RFC 9562 §5.7) whose `rand_a` holds the number of
 * the log that decides it, so that any log can tell that a gid is not its own.
 *
 * @throws {RangeError} when the log's number does not fit its 12 bits.
 */
export function mintGid(nowMs: number, logNumber: number, random: Random): string {
  if (logNumber < 0 || logNumber > LOG_NUMBER_MAX) {
    throw new RangeError(`Log number ${logNumber} is not between 0 and ${LOG_NUMBER_MAX}.`);
  }
  const bytes = random.bytes(16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  view.setUint16(0, Math.floor(nowMs / 2 ** 32));
  view.setUint32(2, nowMs % 2 ** 32);
  view.setUint16(6, 0x7000 | logNumber);
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const [time, end] = [`${hex(bytes, 0, 4)}-${hex(bytes, 4, 6)}`, hex(bytes, 10, 16)];
  return `${time}-${hex(bytes, 6, 8)}-${hex(bytes, 8, 10)}-${end}`;
}

/** Each octet in writing: to look it up is several times as fast as to write it anew, for each of 16 of each gid. */
const OCTETS = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let position = from; position < to; position += 1) {
    text += OCTETS[bytes[position] ?? 0] ?? '';
  }
  return text;
}

/** Tells whether `text` is a gid in its one spelling (lower case, hyphens). */
export function isGid(text: string): boolean {
  return GID.test(text);
}

/** Returns the instant, in ms since 1970, at which `gid` was minted. */
export function gidTimeMs(gid: string): number {
  return Number.parseInt(gid.slice(0, 8) + gid.slice(9, 13), 16);
}

/** Returns the number of the log that decides `gid`. */
export function gidLogNumber(gid: string): number {
  return Number.parseInt(gid.slice(15, 18), 16);
}
