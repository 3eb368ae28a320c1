import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AutomaticFixture } from './testing/automatic.fixture.js';
import { playScenario, type Scenario } from './testing/restore.scenario.js';

/** A session that prints dates, intervals and numbers otherwise than that of the undo. */
const FOREIGN_SETTINGS = `
set local timezone = 'Asia/Shanghai';
set local datestyle = 'sql, dmy';
set local intervalstyle = 'sql_standard';
set local extra_float_digits = -3;
set local bytea_output = 'escape'`;

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'numbers to the last digit',
    tables: `
create table o (id int primary key, n numeric, n2 numeric(12, 4), f8 float8, f4 float4, mo money, big int8);
insert into o values
  (1, 123456789012345678901234567890.100, 1.5, 0.1 + 0.2::float8, 1e-38, 12.34, 9223372036854775807),
  (2, 'NaN', null, 'NaN', '-Infinity', -1, -9223372036854775808),
  (3, 0.000, 0, '-0', '-0', 0, 0),
  (4, 1, 1, '5e-324', '3.4028235e38', 0, 0),
  (5, 1, 1, '1.7976931348623157e308', '1e-45', 0, 0)`,
    attached: ['o'],
    work: `
${FOREIGN_SETTINGS};
delete from o where id in (1, 3);
update o set n = 1, n2 = 2, f8 = 1, f4 = 1, mo = 5, big = 1`,
  },
  {
    title: 'instants, dates and intervals to the microsecond, infinite ones and those before Christ',
    tables: `
create table o (id int primary key, ts timestamptz, t2 timestamp, d date, iv interval, ti time, tz timetz, tr tstzrange);
insert into o values
  (1, '2020-01-01 00:00:00.123456+02', 'infinity', '0044-03-15 BC', '1 mon -3 days 04:05:06.7', '24:00', '01:02:03.456789+05:30', '[2020-01-01 00:00+03,)'),
  (2, '-infinity', '2020-01-01', 'infinity', '1 day', '00:00', '00:00+00', 'empty'),
  (3, '0001-01-01 00:00 BC', '4713-01-01 00:00 BC', '5874897-12-31', '-1 years 2 days', null, null, null)`,
    attached: ['o'],
    work: `
${FOREIGN_SETTINGS};
delete from o where id = 1;
update o set ts = now(), t2 = now(), d = now(), iv = '3 hours', ti = '01:00', tz = '01:00+01', tr = null`,
  },
  {
    title: 'JSON letter by letter, and its null that is not that of SQL',
    tables: String.raw`
create domain dj as jsonb not null;
create table o (id int primary key, js json, jb jsonb, dom dj, ja jsonb[], nothing jsonb);
insert into o values
  (1, '{"a" : 1,  "a":2, "z":"\u0000"}', 'null', '{}', array['null'::jsonb, null], null),
  (2, 'null', '{"b": 1.50, "a": [null]}', 'null', null, 'null')`,
    attached: ['o'],
    work: `delete from o where id = 1; update o set js = '{}', jb = '{}', dom = '1', ja = null, nothing = '0'`,
  },
  {
    title: 'arrays with their bounds, composites, enumerations and ranges',
    tables: `
create type en as enum ('a', 'b');
create type co as (x int, y text, z timestamptz);
create domain checked as int not null check (value > 0);
create table o (
  id int primary key, ar int[], a2 text[][], af float8[], e en, c co, ca co[], r int4range, mr nummultirange, dom checked, doms checked[]
);
insert into o values
  (1, '[3:4]={1,2}', '{{a,NULL},{"x,y",""}}', '{0.1,-0}', 'b', (1, null, '2020-01-01+03'), array[(1, 'q', null)::co, null], '[1,5)', '{[1,2),[3,4)}', 5, '{1,2}'),
  (2, '{}', null, '{}', null, null, '{}', 'empty', '{}', 1, null)`,
    attached: ['o'],
    work: `
${FOREIGN_SETTINGS};
delete from o where id = 1;
update o set ar = '{1}', a2 = null, af = null, e = 'a', c = null, ca = null, r = null, mr = null, dom = 7, doms = '{9}'`,
  },
  {
    title: 'bytes, bits, texts of any length, and what else PostgreSQL has',
    tables: String.raw`
create table o (
  id int primary key, b bytea, bi bit(5), vb varbit, ch char(7), vc varchar(9), na name, q "char", po point, ip inet, cd cidr,
  ma macaddr, u uuid, tv tsvector, tq tsquery, l pg_lsn, big text, rc regclass
);
insert into o values
  (1, '\xdeadbeef', B'10101', B'1', 'ab', ' a ', 'nm', 'x', '(1.5,-0)', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03',
   'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'fat & cat'::text::tsvector, 'a & b', '16/B374D848', repeat('x', 1000000), 'o'),
  (2, '', B'00000', '', '', '', '', '', '(0,0)', '::1', '::/0', null, null, '', '', '0/0', '', null)`,
    attached: ['o'],
    work: `
${FOREIGN_SETTINGS};
delete from o where id = 1;
update o set b = null, bi = B'11111', vb = null, ch = 'x', vc = null, na = 'y', q = 'z', po = null, ip = null, cd = null, tv = null, big = null`,
  },
  {
    title: 'keys of times, numbers of any scale, bytes and characters, whatever the session prints',
    tables: String.raw`
create table o (t timestamptz, n numeric, b bytea, c char(5), d date, v int, primary key (t, n, b, c, d));
create table tz (t timestamptz primary key, v int);
insert into o values ('2020-01-01 00:00+00', 1.0, '\x00ff', 'a', '2020-01-31', 1);
insert into tz values ('2020-01-01 00:00+00', 1), ('infinity', 1)`,
    attached: ['o', 'tz'],
    work: `
${FOREIGN_SETTINGS};
update o set v = 2;
set local timezone = 'UTC';
update o set v = 3, n = 1.000;
update tz set v = 2;
set local timezone = 'Asia/Tokyo';
delete from tz`,
  },
  {
    title: 'keys that are longer than an index takes',
    tables: `create table o (id text primary key, v int); insert into o values (repeat('é', 1200), 1)`,
    attached: ['o'],
    work: 'update o set v = 2; delete from o',
  },
  {
    title: 'identities that only PostgreSQL may draw, and stored columns that it calculates',
    tables: `
create table o (id int generated always as identity primary key, v int, w int generated always as (v * 2) stored);
create table p (id int generated by default as identity primary key, v int);
insert into o (v) values (1), (2);
insert into p (v) values (1), (2)`,
    attached: ['o', 'p'],
    work: `
update o set v = 9;
delete from o where id = 1;
insert into o (v) values (5);
update p set id = id + 10;
insert into p (v) values (5)`,
  },
  {
    title: 'hstore, whose text is not that of its JSON',
    tables: `
create extension hstore;
create table o (id int primary key, h hstore);
insert into o values (1, 'a=>NULL, b=>"1"'), (2, '')`,
    attached: ['o'],
    work: `update o set h = 'c=>1' where id = 2; delete from o where id = 1`,
  },
  {
    title: 'keys of citext, which are equal whatever their case',
    tables: `
create extension citext;
create table o (id citext primary key, mail citext unique, v int);
insert into o values ('Ann', 'A@x', 1), ('Bob', 'B@x', 1)`,
    attached: ['o'],
    work: `
update o set v = 2 where id = 'ANN';
update o set id = 'ANN' where id = 'ann';
update o set mail = 'a@X' where v = 2;
delete from o where id = 'bob'`,
  },
];

function tableOfXml(hasXml: boolean): string {
  return `
create table o (id int primary key${hasXml ? ', x xml' : ''});
insert into o values (1${hasXml ? ", '<a>x</a>'" : ''}), (2${hasXml ? ", 'a content'" : ''})`;
}

describe('an undo puts back', () => {
  let fixture: AutomaticFixture;

  beforeAll(async () => {
    fixture = await AutomaticFixture.open();
  });

  afterAll(() => fixture.close());

  test.each(SCENARIOS)('$title', async (scenario) => {
    const restored = await playScenario(fixture, scenario);

    expect(restored.answer).toEqual({ outcome: 'undone' });
    expect(restored.between).not.toEqual(restored.before);
    expect(restored.after).toEqual(restored.before);
    expect(restored.imageCount).toBe(0);
  });

  test('XML, where the server was built with it', async () => {
    const [xml] = await fixture.rows(
      "select count(*)::int as functions from pg_proc where proname = 'xpath' and prosrc = 'xpath'",
    );

    const restored = await playScenario(fixture, {
      title: '',
      tables: tableOfXml(xml?.['functions'] === 1),
      attached: ['o'],
      work: "set local xmloption = 'document'; delete from o",
    });

    expect(restored.between).toEqual([]);
    expect(restored.after).toEqual(restored.before);
  });

  test('columns that PostgreSQL calculates when they are read: from 18 on, and stored before that', async () => {
    const kind = (await fixture.serverVersion()) >= 18 ? 'virtual' : 'stored';

    const restored = await playScenario(fixture, {
      title: '',
      tables: `
create table o (id int primary key, v int, w int generated always as (v * 2) ${kind});
insert into o values (1, 1), (2, 2)`,
      attached: ['o'],
      work: 'update o set v = 3 where id = 1; delete from o where id = 2',
    });

    expect(restored.between).toEqual(['public.o (1,3,6)']);
    expect(restored.after).toEqual(['public.o (1,1,2)', 'public.o (2,2,4)']);
  });
});
