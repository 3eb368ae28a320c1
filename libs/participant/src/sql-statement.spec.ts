import { expect, test } from '@jest/globals';
import { endsTransaction, writingWord } from './sql-statement.js';

test.each([
  ['INSERT INTO t VALUES (1)', 'insert'],
  ['  /* a /* nested */ comment */ -- and a line\n update t set a = 1', 'update'],
  ['delete from t', 'delete'],
  ['merge into t using s on true when matched then delete', 'merge'],
  ['truncate t', 'truncate'],
  ["copy t from '/tmp/t'", 'copy'],
  ['call pay()', 'call'],
  ['do $$ begin delete from t; end $$', 'do'],
  ['create table t ()', 'create'],
  ['alter table t add a int', 'alter'],
  ['drop table t', 'drop'],
  ['grant all on t to u', 'grant'],
  ['revoke all on t from u', 'revoke'],
  ['lock table t', 'lock'],
  ['refresh materialized view v', 'refresh'],
  ['notify c', 'notify'],
  ['execute p(1)', 'execute'],
  ['with a as (delete from t returning *) select * from a', 'delete'],
  ['with a as (select 1) insert into t select * from a', 'insert'],
  ['with recursive a as materialized (select 1), b as (update t set a = 1 returning 1) select 1', 'update'],
  ['select * into t2 from t', 'select into'],
  ['select 1; delete from t', 'delete'],
  ["select ';' ; \n insert into t values (1)", 'insert'],
  ['explain (analyze) delete from t', 'delete'],
])('%s writes', (sql, word) => {
  expect(writingWord(sql)).toBe(word);
});

test.each([
  'select 1',
  '(select 1) union (select 2)',
  'select * from t for update',
  'with a as (select * from t for update) select * from a for no key update',
  "select 'insert into t', E'it''s \\' delete', $$ update $$, $tag$ drop $$ $tag$",
  'select "update", "into" from "delete"',
  'values (1)',
  'table t',
  'show search_path',
  'set local statement_timeout = 1',
  'explain delete from t',
  'START TRANSACTION',
  'savepoint a; release savepoint a; rollback to savepoint a',
  'declare c cursor for select 1',
  '',
  ' ; -- nothing',
])('%s does not write', (sql) => {
  expect(writingWord(sql)).toBeUndefined();
});

test.each(['commit', 'COMMIT;', '/* x */ rollback', 'end', 'abort', 'begin', 'start transaction'])(
  '%s begins or ends a transaction',
  (sql) => {
    expect([sql, `select 1; ${sql}`, `insert into t values (1); ${sql}`].map(endsTransaction)).toEqual([
      true,
      true,
      true,
    ]);
  },
);

test.each([
  'rollback to a',
  'ROLLBACK TO SAVEPOINT typeorm_1',
  'rollback work to a',
  'release savepoint a',
  'prepare p as select 1',
  "select 'commit'",
  'update t set "end" = 1 where begin > 2',
  'select case when a then b end from t',
])('%s leaves the transaction as it is', (sql) => {
  expect(endsTransaction(sql)).toBe(false);
});

test('a megabyte of literal is read in no time', () => {
  const literal = "it''s ".repeat(200_000);

  expect(writingWord(`select '${literal}'; delete from t where a = E'${literal}'`)).toBe('delete');
});
