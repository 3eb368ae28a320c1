import type { Json } from '@atone/core';
import type { NewRow, RowState, StoredRow } from '@atone/engine';
import { textArray } from './array.literal.js';

/** A row of `atone.global_transaction`, read with `ROW_COLUMNS`. */
export interface RawRow {
  readonly gid: string;
  readonly kind: string;
  readonly format: number;
  readonly version: string;
  readonly name: string;
  readonly initiator: string | null;
  readonly lane: string | null;
  readonly tags: readonly string[];
  readonly services: readonly string[];
  readonly state: RowState;
  readonly stuck_reason: string | null;
  readonly is_paused: boolean;
  readonly owner: string | null;
  readonly accepted_at: number;
  readonly deadline_at: number | null;
  readonly stuck_at: number | null;
  readonly updated_at: number;
  readonly finished_at: number | null;
  readonly plan: Json;
  readonly progress: Json;
}

const PLAIN_COLUMNS = [
  'gid',
  'kind',
  'format',
  'version',
  'name',
  'initiator',
  'lane',
  'tags',
  'services',
  'state',
  'stuck_reason',
  'is_paused',
  'owner',
  'plan',
  'progress',
] as const satisfies readonly (keyof RawRow)[];

const INSTANT_COLUMNS = [
  'accepted_at',
  'deadline_at',
  'stuck_at',
  'updated_at',
  'finished_at',
] as const satisfies readonly (keyof RawRow)[];

/** An expression for each field of `RawRow`, over a table called `t`. */
export const ROW_EXPRESSIONS: readonly (readonly [expression: string, field: keyof RawRow])[] = [
  ...PLAIN_COLUMNS.map((column) => [`t.${column}`, column] as const),
  ...INSTANT_COLUMNS.map((column) => [msOf(`t.${column}`), column] as const),
];

/** `ROW_EXPRESSIONS` as a list for a statement. */
export const ROW_COLUMNS = ROW_EXPRESSIONS.map(([expression, field]) => `${expression} as ${field}`).join(
  ', ',
);

/** Returns the expression of an instant as ms since 1970, a number that needs no parser of its own. */
export function msOf(expression: string): string {
  return `(extract(epoch from ${expression}) * 1000)::float8`;
}

export function toStoredRow(raw: RawRow): StoredRow {
  return {
    gid: raw.gid,
    kind: raw.kind,
    format: raw.format,
    version: Number(raw.version),
    name: raw.name,
    initiator: raw.initiator ?? undefined,
    lane: raw.lane ?? undefined,
    tags: toTags(raw.tags),
    services: raw.services,
    state: raw.state,
    stuckReason: raw.stuck_reason ?? undefined,
    isPaused: raw.is_paused,
    owner: raw.owner ?? undefined,
    acceptedAt: raw.accepted_at,
    deadlineAt: raw.deadline_at ?? undefined,
    stuckAt: raw.stuck_at ?? undefined,
    updatedAt: raw.updated_at,
    finishedAt: raw.finished_at ?? undefined,
    plan: raw.plan,
    progress: raw.progress,
  };
}

/** Returns the one element of the `tags` column that stands for this tag. A tag's name holds no `=`. */
export function tagElement(name: string, value: string): string {
  return `${name}=${value}`;
}

function toTags(elements: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    elements.map((element) => {
      const split = element.indexOf('=');
      return [element.slice(0, split), element.slice(split + 1)];
    }),
  );
}

/** Returns what a new row says of itself and never changes, a list for each of the first columns: up to its services. */
export function headColumns(rows: readonly NewRow[]): string[] {
  return [
    textArray(rows.map((row) => row.gid)),
    textArray(rows.map((row) => row.kind)),
    textArray(rows.map((row) => row.name)),
    textArray(rows.map((row) => row.initiator)),
    textArray(rows.map((row) => row.lane)),
    textArray(rows.map((row) => tagArray(row.tags))),
    textArray(rows.map((row) => textArray(row.services))),
  ];
}

/** Writes tags as the column has them. */
export function tagArray(tags: NewRow['tags']): string {
  return textArray(Object.entries(tags).map(([name, value]) => tagElement(name, value)));
}
