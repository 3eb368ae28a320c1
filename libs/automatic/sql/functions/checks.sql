-- What is looked at when a service starts.

-- What keeps attached tables from being protected, and what mends it. No row: nothing.
create or replace function atone.check_tables() returns table (table_name text, problem text, remedy text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with tables as (
    select a.*, format('%I.%I', a.schema_name, a.table_name) as title, to_regclass(format('%I.%I', a.schema_name, a.table_name)) as relation
    from atone.attached as a
  )
  select t.title, 'It is gone.', format('delete from atone.attached where id = %s, once no image of it is left.', t.id)
  from tables as t where t.relation is null
  union all
  select t.title, format('Its trigger %s is %s on %s.', needed.name, case when g.oid is null then 'missing' else 'disabled' end, p.relid),
    format('select atone.attach(%L, %L)', t.title, t.writers)
  from tables as t
  cross join lateral atone.parts_of(t.relation) as p (relid)
  cross join lateral (values ('zzz_atone_capture'), ('atone_truncate')) as needed (name)
  left join pg_trigger as g on g.tgrelid = p.relid and g.tgname = needed.name
  where t.relation is not null and (g.oid is null or g.tgenabled <> 'A')
  union all
  select t.title, 'Its columns, its key or its unique indexes have changed.', format('select atone.attach(%L, %L)', t.title, t.writers)
  from tables as t
  where t.relation is not null and t.fingerprint <> atone.fingerprint_of(t.relation)
  union all
  select t.title, format('Its view atone_read.%I is missing.', t.view_name), format('select atone.attach(%L, %L)', t.title, t.writers)
  from tables as t
  where t.relation is not null and to_regclass(format('atone_read.%I', t.view_name)) is null
  union all
  select t.title, format('%s follows its changes (%s), and is not attached.', f.title, f.constraint_name), format('select atone.attach(%L)', f.title)
  from tables as t
  cross join lateral atone.loose_follower_of(t.relation) as f
  where t.relation is not null
$$;
