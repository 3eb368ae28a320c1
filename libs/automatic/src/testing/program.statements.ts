/** A row of `parent`, or where a line is named, of `child`. */
export interface Place {
  readonly parent: number;
  readonly line?: number | undefined;
}

/** A statement whose effect depends on nothing but the rows that it writes, and on those that it names beside. */
export interface Statement {
  readonly sql: string;
  /** How many rows it must touch to count. */
  readonly rowCount: number;
  /** The row that a foreign key of the written one points to. */
  readonly uses?: Place;
  /** The row to which no other may point any more. */
  readonly dissolves?: Place;
}

/** What a statement is drawn by. */
export interface Draw {
  readonly kind: number;
  readonly one: number;
  readonly other: number;
  readonly third: number;
}

/** Three tables that follow each other, of many types of columns. */
export const TABLES = `
create type mood as enum ('sad', 'glad', 'calm');
create table parent (
  id int primary key, code text unique, tags text[], facts jsonb, amount numeric, seen_at timestamptz, raw bytea
);
create table child (
  parent_id int references parent on update cascade on delete cascade, line int, slot int, note json, share float8,
  price numeric(10, 2), twice numeric generated always as (price * 2) stored, primary key (parent_id, line),
  constraint child_slot unique (slot) deferrable
);
create table leaf (
  id bigint generated always as identity primary key, parent_id int, line int, mood mood, span int4range, label text, is_open boolean,
  foreign key (parent_id, line) references child on update cascade on delete set null
);
create unique index leaf_label on leaf (mood, lower(label)) where is_open`;

export const ATTACHED = ['leaf', 'child', 'parent'];

/** Empties the tables, and fills them again. */
export const SEED = `
delete from leaf; delete from child; delete from parent;
insert into parent select n, 'code' || n, array['t' || n, null], jsonb_build_object('n', n), n * 1.10, 'epoch', '\\x00ff'
from generate_series(1, 4) as n;
insert into child select p, l, p * 2 + l, '{"a": 1,  "a": null}', 0.1, p + l from generate_series(1, 3) as p, generate_series(1, 2) as l;
insert into leaf overriding system value select n, n, 1, 'glad', int4range(n, n + 5), 'Label' || n, n < 3 from generate_series(1, 3) as n`;

const MOODS = ['sad', 'glad', 'calm'];

const STATEMENTS: readonly ((draw: Draw) => Statement)[] = [
  ({ one, other }) => ({
    sql: `insert into parent values (${one}, 'code${other}', '[2:3]={a,"b,c"}', 'null', 1.00, '2026-01-01 00:00:00.000001+02', '\\x01')`,
    rowCount: 1,
  }),
  ({ one, other }) => ({
    sql: `insert into parent (id, code) values (${one}, 'code${other}') on conflict (id) do update set amount = parent.amount + 1`,
    rowCount: 1,
  }),
  ({ one, third }) => ({
    sql: `update parent set amount = amount + ${third}, facts = facts || '{"k": ${third}}', tags = array_append(tags, 'x') where id = ${one}`,
    rowCount: 1,
  }),
  ({ one, other }) => ({
    sql: `update parent set code = 'code${other}', raw = raw || '\\x7f' where id = ${one}`,
    rowCount: 1,
  }),
  ({ one, other }) => ({
    sql: `
with freed as (update parent set code = null where id = ${one} and id <> ${other} and code is not null returning code)
update parent set code = (select code from freed) where id = ${other} and exists (select from freed)`,
    rowCount: 1,
  }),
  ({ one, other }) => ({
    sql: `update parent set id = ${other} where id = ${one} and id <> ${other}`,
    rowCount: 1,
    dissolves: { parent: one },
  }),
  ({ one }) => ({
    sql: `delete from parent where id = ${one}`,
    rowCount: 1,
    dissolves: { parent: one },
  }),
  ({ one, third, other }) => ({
    sql: `insert into child values (${one}, ${third}, ${other}, '[1, 2]', 'NaN', 1.5)`,
    rowCount: 1,
    uses: { parent: one },
  }),
  ({ one, third, other }) => ({
    sql: `update child set price = price + 1, note = '{"b": ${other}}', share = share / 3 where parent_id = ${one} and line = ${third}`,
    rowCount: 1,
  }),
  ({ one, third, other }) => ({
    sql: `update child set slot = ${other} where parent_id = ${one} and line = ${third}`,
    rowCount: 1,
  }),
  ({ one, other }) => ({
    sql: `
update child as c set slot = o.slot from child as o
where c.line = 1 and o.line = 1 and c.parent_id in (${one}, ${other}) and o.parent_id in (${one}, ${other}) and c.parent_id <> o.parent_id`,
    rowCount: 2,
  }),
  ({ one, third, other }) => ({
    sql: `update child set parent_id = ${other} where parent_id = ${one} and line = ${third} and parent_id <> ${other}`,
    rowCount: 1,
    uses: { parent: other },
    dissolves: { parent: one, line: third },
  }),
  ({ one, third }) => ({
    sql: `update child set line = line + 2 where parent_id = ${one} and line = ${third}`,
    rowCount: 1,
    dissolves: { parent: one, line: third },
  }),
  ({ one, third }) => ({
    sql: `delete from child where parent_id = ${one} and line = ${third}`,
    rowCount: 1,
    dissolves: { parent: one, line: third },
  }),
  ({ one, other, third }) => ({
    sql: `insert into leaf overriding system value values (${one}, ${other}, ${third}, '${MOODS[third % 3]}', '[1,2)', 'LABEL${other}', true)`,
    rowCount: 1,
    uses: { parent: other, line: third },
  }),
  ({ one, other, third }) => ({
    sql: `update leaf set label = 'label${other}', mood = '${MOODS[third % 3]}', is_open = not is_open where id = ${one}`,
    rowCount: 1,
  }),
  ({ one, other }) => ({
    sql: `update leaf set span = int4range(${other}, null) where id in (${one}, ${other}) and ${one} <> ${other}`,
    rowCount: 2,
  }),
  ({ one, other, third }) => ({
    sql: `update leaf set parent_id = ${other}, line = ${third} where id = ${one}`,
    rowCount: 1,
    uses: { parent: other, line: third },
  }),
  ({ one }) => ({ sql: `delete from leaf where id = ${one}`, rowCount: 1 }),
];

/** Returns the statement that `draw` stands for. */
export function statementOf(draw: Draw): Statement {
  const make = STATEMENTS[draw.kind % STATEMENTS.length];
  if (make === undefined) {
    throw new RangeError(`There is no statement ${draw.kind}.`);
  }
  return make(draw);
}
