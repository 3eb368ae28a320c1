-- How a table is put under the protection of global transactions, and out of it again.

-- The columns by which a row is found again: of the primary key, or of the index that is the table's replica identity.
create or replace function atone.key_of(relation regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(a.attname order by k.ordinality)
  from (
    select i.indkey, i.indnkeyatts
    from pg_index as i join pg_class as c on c.oid = i.indrelid
    where i.indrelid = $1 and i.indisvalid and (i.indisprimary or (i.indisreplident and c.relreplident = 'i'))
    order by i.indisprimary desc
    limit 1
  ) as i
  cross join lateral unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality as k (attnum, ordinality)
  join pg_attribute as a on a.attrelid = $1 and a.attnum = k.attnum
$$;

-- A table and its partitions.
create or replace function atone.parts_of(relation regclass) returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select $1
  union
  select p.relid::regclass from pg_partition_tree($1) as p
$$;

-- Changes when rows, or unique values, would be held by other keys than before.
create or replace function atone.lock_fingerprint_of(relation regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select encode(sha256(convert_to(concat_ws(
    E'\n',
    atone.key_expression($1, atone.key_of($1), 'row'),
    (
      select string_agg(format('%s %s', g.guard, g.expression), ',' order by g.guard)
      from atone.guards($1, atone.key_of($1), 'row') as g
    )
  ), 'UTF8')), 'hex')
$$;

-- Changes when what capture and undo rely on has changed.
create or replace function atone.fingerprint_of(relation regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select encode(sha256(convert_to(concat_ws(
    E'\n',
    (
      select string_agg(format('%s %s %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated, a.attidentity), ',' order by a.attnum)
      from pg_attribute as a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
    ),
    atone.key_of($1)::text,
    (
      select string_agg(format('%s %s', g.index_name, g.expression), ',' order by g.guard)
      from atone.guards($1, atone.key_of($1), 'row') as g
    )
  ), 'UTF8')), 'hex')
$$;

-- The foreign keys by which rows of one table follow those of another, or those of its partitions.
create or replace view atone.following as
select f.conname as constraint_name, follower.oid as follower, followed.oid as followed
from pg_catalog.pg_constraint as f
cross join lateral (select coalesce(pg_catalog.pg_partition_root(f.conrelid), f.conrelid)) as follower (oid)
cross join lateral (select coalesce(pg_catalog.pg_partition_root(f.confrelid), f.confrelid)) as followed (oid)
where f.contype = 'f' and f.conparentid = 0 and follower.oid <> followed.oid
  and (f.confdeltype in ('c', 'n', 'd') or f.confupdtype in ('c', 'n', 'd'));

-- A table whose rows follow those of `relation` by a foreign key, and which is not attached. No row: none.
create or replace function atone.loose_follower_of(relation regclass) returns table (title text, constraint_name name)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select format('%I.%I', n.nspname, c.relname), f.constraint_name
  from atone.following as f
  join pg_class as c on c.oid = f.follower
  join pg_namespace as n on n.oid = c.relnamespace
  where f.followed = $1
    and not exists (select from atone.attached as a where a.schema_name = n.nspname and a.table_name = c.relname)
  order by 1, 2
  limit 1
$$;

-- Why `relation` cannot be attached, and what to do about it. No row: it can.
create or replace function atone.objections_to(relation regclass) returns table (message text, hint text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with about as (
    select c.oid, c.relkind, c.relispartition, c.relpersistence, n.nspname, format('%I.%I', n.nspname, c.relname) as title,
      atone.key_of(c.oid) as keys
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = $1
  )
  select format('%s cannot be attached: %s', a.title, o.reason), o.hint
  from about as a
  cross join lateral (
    select 1, 'only tables can, and partitioned tables.', null where a.relkind not in ('r', 'p')
    union all
    select 2, 'it is a partition.', 'Attach the partitioned table, which covers its partitions.' where a.relispartition
    union all
    select 3, 'it is temporary.', null where a.relpersistence = 't'
    union all
    select 4, 'it is not a table of yours.', null where a.nspname in ('atone', 'atone_read', 'pg_catalog', 'information_schema')
    union all
    select 5, 'it takes part in inheritance.', 'Only partitions can be told from each other by their key.'
    where not a.relispartition and exists (
      select from pg_inherits as h join pg_class as c on c.oid = h.inhrelid
      where (h.inhparent = a.oid and not c.relispartition) or h.inhrelid = a.oid
    )
    union all
    select 6, 'a partition of it is a foreign table.', null
    where exists (select from atone.parts_of(a.oid) as p (relid) join pg_class as c on c.oid = p.relid where c.relkind = 'f')
    union all
    select 7, 'it has no key by which a row could be found again.',
      format('Give it a primary key, or a unique index of columns that are not null: alter table %s replica identity using index …', a.title)
    where a.relkind in ('r', 'p') and a.keys is null
    union all
    select 8, format('equal values of its key (%s) may print differently.', array_to_string(a.keys, ', ')),
      'Floating-point numbers, most types of extensions and collations that are not deterministic are no keys to hold a row by.'
    where a.keys is not null and atone.key_expression(a.oid, a.keys, 'new') is null
    union all
    select 9, format('%s follows its changes (%s), and is not attached, so that what it loses could not be restored.', f.title, f.constraint_name),
      format('Attach it first: select atone.attach(%L); or both at once, where each follows the other: select atone.attach_together(%L)',
        f.title, array[f.title, a.title])
    from atone.loose_follower_of(a.oid) as f
  ) as o (place, reason, hint)
  order by o.place
  limit 1
$$;

-- What may keep an undo from restoring a row, though the table can be attached.
create or replace function atone.warnings_of(relation regclass) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select format('Trigger %I fires in an undo as well, and may change what is restored. Unless it is meant to, create it with '
    'when (current_setting(''atone.undo'', true) is distinct from ''1'').', t.tgname)
  from pg_trigger as t
  where (t.tgrelid = $1 or t.tgrelid in (select p.relid from pg_partition_tree($1) as p))
    and t.tgparentid = 0 and not t.tgisinternal and t.tgname not in ('zzz_atone_capture', 'atone_truncate')
    and pg_get_triggerdef(t.oid) not like '%atone.undo%'
  union all
  select format('Rule %I rewrites statements, those of an undo too.', r.rulename)
  from pg_rewrite as r where r.ev_class = $1 and r.rulename <> '_RETURN'
  union all
  select 'Row security is on: an undo restores only what the role of the service may see and write.'
  from pg_class as c where c.oid = $1 and c.relrowsecurity
  union all
  select format('What exclusion constraint %I keeps apart is not held: another row may take the place of one that is undone.', c.conname)
  from pg_constraint as c where c.conrelid = $1 and c.contype = 'x'
  union all
  select format('What unique index %I of partition %s keeps apart is not held: the partitioned table does not have it.', c.relname, i.indrelid::regclass)
  from pg_index as i join pg_class as c on c.oid = i.indexrelid
  where i.indrelid <> $1 and i.indrelid in (select p.relid from pg_partition_tree($1) as p) and i.indisunique and not c.relispartition
  union all
  select format('Column %I is of type %s, which an extension defines: see that its text restores it.', a.attname, format_type(a.atttypid, a.atttypmod))
  from pg_attribute as a
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
    and exists (
      select from pg_depend as d
      where d.classid = 'pg_type'::regclass and d.objid = atone.base_type(a.atttypid) and d.deptype = 'e'
    )
$$;

-- The triggers by which a table and its partitions are protected. Those of rows are inherited by partitions, those of statements are not.
create or replace function atone.build_triggers(table_id integer, relation regclass) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  part record;
begin
  execute format('drop trigger if exists zzz_atone_capture on %s', $2);
  -- By its name the last one to fire: what the triggers of others write because of a row has then been kept before that row.
  execute format(
    'create trigger zzz_atone_capture after insert or update or delete on %s for each row execute function atone.capture_%s()', $2, $1
  );
  for part in select p.title from atone.parts_of($2) as p (title) loop
    execute format('alter table only %s enable always trigger zzz_atone_capture', part.title);
    execute format('drop trigger if exists atone_truncate on %s', part.title);
    execute format(
      'create trigger atone_truncate before truncate on %s for each statement execute function atone.refuse_truncate(%L)', part.title, $1
    );
    execute format('alter table only %s enable always trigger atone_truncate', part.title);
  end loop;
end
$$;

-- A name for the view of a table that no other table's view has.
create or replace function atone.view_name_for(schema_name name, table_name name, table_id integer) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select candidate.name::name
  from (
    values (1, $2::text), (2, concat($1, '_', $2)), (3, concat(left($2, 40), '_', $3)),
      -- A letter may have four bytes.
      (4, concat('table_', $3))
  ) as candidate (place, name)
  where octet_length(candidate.name) <= 63
    and not exists (select from atone.attached as a where a.view_name = candidate.name and a.id <> $3)
  order by candidate.place
  limit 1
$$;

-- Makes what protects an attached table anew, as its columns and indexes are now. Nothing, where the table is gone.
create or replace function atone.build(table_id integer) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  attached atone.attached;
  relation regclass;
  wanted_name name;
begin
  select * into attached from atone.attached as a where a.id = $1;
  relation := to_regclass(format('%I.%I', attached.schema_name, attached.table_name));
  if relation is null then
    return;
  end if;
  execute format(
    'create or replace function atone.capture_%s() returns trigger language plpgsql security definer %s as %L',
    $1, atone.capture_settings(relation, attached.key_columns),
    atone.capture_source($1, relation, attached.key_columns, attached.writers)
  );
  execute format('revoke all on function atone.capture_%s() from public', $1);
  perform atone.build_triggers($1, relation);
  wanted_name := atone.view_name_for(attached.schema_name, attached.table_name, $1);
  if attached.view_name is not null then
    execute format('drop view if exists atone_read.%I', attached.view_name);
  end if;
  update atone.attached as a set view_name = wanted_name where a.id = $1;
  perform atone.build_view($1, relation, wanted_name);
end
$$;

-- Keeps the changes of `relation` by global transactions from now on, and protects the rows that they hold from everybody. Again after a
-- change of its columns or indexes. Returns what may keep an undo from restoring a row.
create or replace function atone.attach(relation regclass, writers text default 'any') returns table (warning text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  objection record;
  keys constant name[] := atone.key_of($1);
  attached_id integer;
begin
  if $2 is null or $2 not in ('any', 'global-only') then
    raise exception using errcode = 'GX010', message = format('Writers are ''any'' or ''global-only'', not ''%s''.', $2);
  end if;
  select * into objection from atone.objections_to($1);
  if found then
    raise exception using errcode = 'GX010', message = objection.message, hint = coalesce(objection.hint, '');
  end if;
  -- Nobody writes past the triggers while they are made.
  execute format('lock table %s in share row exclusive mode', $1);
  if exists (
    select
    from atone.attached as a
    join pg_namespace as n on n.nspname = a.schema_name
    join pg_class as c on c.relnamespace = n.oid and c.relname = a.table_name
    join atone.image as i on i.table_id = a.id
    where c.oid = $1 and a.lock_fingerprint <> atone.lock_fingerprint_of($1)
  ) then
    raise exception using
      errcode = 'GX010',
      message = format('%s cannot be attached again: its key or its unique indexes have changed, and global transactions hold rows of it.', $1),
      hint = 'Wait until they have ended: select distinct gid from atone.image.';
  end if;
  insert into atone.attached as a (schema_name, table_name, key_columns, writers, fingerprint, lock_fingerprint)
  select n.nspname, c.relname, keys, $2, atone.fingerprint_of($1), atone.lock_fingerprint_of($1)
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = $1
  on conflict (schema_name, table_name) do update
    set key_columns = excluded.key_columns, writers = excluded.writers, fingerprint = excluded.fingerprint,
      lock_fingerprint = excluded.lock_fingerprint, attached_at = now()
  returning a.id into attached_id;
  perform atone.build(attached_id);
  return query select atone.warnings_of($1);
end
$$;

-- Attaches several tables at once: those each of which follows the other by foreign keys.
create or replace function atone.attach_together(relations regclass[], writers text default 'any') returns table (warning text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  relation regclass;
begin
  -- Named first, so that none is refused for the sake of another one. What cannot be attached takes them all back again.
  insert into atone.attached as a (schema_name, table_name, key_columns, fingerprint, lock_fingerprint)
  select n.nspname, c.relname, coalesce(atone.key_of(c.oid), '{none}'), '', ''
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = any ($1)
  on conflict (schema_name, table_name) do nothing;
  foreach relation in array $1 loop
    return query select a.warning from atone.attach(relation, $2) as a;
  end loop;
end
$$;

-- Takes `relation` out of the protection, once no global transaction holds a row of it.
create or replace function atone.detach(relation regclass) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform atone.detach_together(array[$1]);
end
$$;

-- The same, of several tables at once.
create or replace function atone.detach_together(relations regclass[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  relation regclass;
begin
  foreach relation in array $1 loop
    perform atone.detach_beside(relation, $1);
  end loop;
end
$$;

create or replace function atone.detach_beside(relation regclass, others regclass[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  attached record;
  follows record;
  part record;
begin
  select a.* into attached
  from atone.attached as a
  join pg_namespace as n on n.nspname = a.schema_name
  join pg_class as c on c.relnamespace = n.oid and c.relname = a.table_name
  where c.oid = $1;
  if not found then
    raise exception using errcode = 'GX011', message = format('%s is not attached.', $1);
  end if;
  execute format('lock table %s in share row exclusive mode', $1);
  if exists (select from atone.image as i where i.table_id = attached.id) then
    raise exception using
      errcode = 'GX011',
      message = format('%s cannot be detached: global transactions hold rows of it.', $1),
      hint = 'Wait until they have ended: select distinct gid from atone.image.';
  end if;
  select format('%I.%I', a.schema_name, a.table_name) as title, f.constraint_name into follows
  from atone.following as f
  join pg_class as c on c.oid = f.followed
  join pg_namespace as n on n.oid = c.relnamespace
  join atone.attached as a on a.schema_name = n.nspname and a.table_name = c.relname
  where f.follower = $1 and f.followed <> all ($2)
  limit 1;
  if found then
    raise exception using
      errcode = 'GX011',
      message = format('%s cannot be detached: it follows the changes of %s (%s), which is attached.', $1, follows.title, follows.constraint_name),
      hint = format('Detach that first: select atone.detach(%L)', follows.title);
  end if;
  execute format('drop view if exists atone_read.%I', attached.view_name);
  execute format('drop trigger if exists zzz_atone_capture on %s', $1);
  for part in select p.title from atone.parts_of($1) as p (title) loop
    execute format('drop trigger if exists atone_truncate on %s', part.title);
  end loop;
  execute format('drop function if exists atone.capture_%s()', attached.id);
  delete from atone.attached as a where a.id = attached.id;
end
$$;
