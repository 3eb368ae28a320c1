-- What runs in the transactions of those who write to attached tables. It runs with the rights of whoever attached the table, and
-- names everything in full.

create or replace function atone.current_gid() returns uuid
language sql stable parallel safe
as $$
  select nullif(pg_catalog.current_setting('atone.gid', true), '')::pg_catalog.uuid
$$;

-- Has writers of this transaction wait up to so long for a row that is held. Without it they are refused at once.
create or replace function atone.wait(up_to interval) returns void
language sql
as $$
  select pg_catalog.set_config('atone.wait', $1::pg_catalog.text, true)
$$;

-- Called by a writer that meets a held key: waits if it has asked to, and else is refused.
create or replace function atone.refuse_or_wait(table_id integer, guard smallint, key text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  holder record;
  me constant uuid := atone.current_gid();
  waits_until constant timestamptz := clock_timestamp() + coalesce(nullif(current_setting('atone.wait', true), ''), '0')::interval;
begin
  loop
    select i.gid, i.branch_id, i.created_at, a.schema_name, a.table_name,
      exists (select from atone.undoing as u where u.gid = i.gid) as is_undoing
    into holder
    from atone.image as i
    join atone.attached as a on a.id = i.table_id
    where i.table_id = $1 and i.guard = $2 and i.key = $3 and i.holds and i.gid is distinct from me;
    if not found then
      return;
    end if;
    -- What undoes the holder waits for this row: to wait for it here would be to wait for each other.
    exit when holder.is_undoing or me is not null or clock_timestamp() >= waits_until;
    perform pg_sleep(0.005);
  end loop;
  raise exception using
    errcode = 'GX001',
    message = format('%s of %I.%I is held by global transaction %s.',
      case when $2 = 0 then format('The row %s', $3) else format('The unique value %s', $3) end,
      holder.schema_name, holder.table_name, holder.gid),
    detail = json_build_object('gid', holder.gid, 'branchId', holder.branch_id, 'since', holder.created_at),
    hint = 'It is free once that transaction has ended. Try again, or wait for it: select atone.wait(''2s'') in the same transaction.',
    schema = holder.schema_name,
    table = holder.table_name;
end
$$;

-- Keeps an image of a row that somebody holds: this transaction, as a later image of it, or another one.
create or replace function atone.keep_held(
  gid uuid, branch_id text, table_id integer, guard smallint, key text, op text, before jsonb, after jsonb
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  holder_branch text;
begin
  loop
    perform atone.refuse_or_wait($3, $4, $5);
    select i.branch_id into holder_branch
    from atone.image as i where i.table_id = $3 and i.guard = $4 and i.key = $5 and i.holds and i.gid = $1;
    if found then
      -- A mark adds nothing to what its own branch holds. Another branch may end before this one does.
      if $6 <> 'key' or holder_branch <> $2 then
        insert into atone.image (gid, branch_id, table_id, guard, key, op, holds, before, after)
        values ($1, $2, $3, $4, $5, $6, false, $7, $8);
      end if;
      return;
    end if;
    -- Whoever held it has ended meanwhile.
    insert into atone.image (gid, branch_id, table_id, guard, key, op, holds, before, after)
    values ($1, $2, $3, $4, $5, $6, true, $7, $8)
    on conflict (table_id, guard, key) where holds do nothing;
    if found then
      return;
    end if;
  end loop;
end
$$;

-- Puts the image that was kept last before those of what triggers have done to the same row because of it: they have fired before it was kept.
create or replace function atone.put_first(gid uuid, branch_id text, table_id integer, key text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  kept atone.image;
  later bigint;
begin
  select i.* into kept
  from atone.image as i
  where i.gid = $1 and i.branch_id = $2 and i.table_id = $3 and i.guard = 0 and i.key = $4 and i.op <> 'key'
  order by i.id desc
  limit 1;
  for later in
    select i.id
    from atone.image as i
    where i.gid = $1 and i.branch_id = $2 and i.table_id = $3 and i.guard = 0 and i.key = $4 and i.op <> 'key' and i.id < kept.id
      and i.id >= (
        -- What has found the row as the image has left it.
        select max(o.id)
        from atone.image as o
        where o.gid = $1 and o.branch_id = $2 and o.table_id = $3 and o.guard = 0 and o.key = $4 and o.op <> 'key' and o.id < kept.id
          and o.before is not distinct from kept.after
      )
    order by i.id
  loop
    update atone.image as i set id = default where i.gid = $1 and i.branch_id = $2 and i.id = later;
  end loop;
end
$$;

-- Holds a key by a mark: of a row's new key, or of a unique value that it has given up.
create or replace function atone.mark(gid uuid, branch_id text, table_id integer, guard smallint, key text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  insert into atone.image (gid, branch_id, table_id, guard, key, op, holds)
  values ($1, $2, $3, $4, $5, 'key', true)
  on conflict (table_id, guard, key) where holds do nothing;
  if not found then
    perform atone.keep_held($1, $2, $3, $4, $5, 'key', null, null);
  end if;
end
$$;

-- Refuses, or waits for, a key that another transaction holds.
create or replace function atone.probe(table_id integer, guard smallint, key text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if $3 is null then
    return;
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    -- A snapshot that is older than the holder's commit does not show it; the index does, by error 40001.
    insert into atone.image (gid, branch_id, table_id, guard, key, op, holds)
    values (coalesce(atone.current_gid(), '00000000-0000-0000-0000-000000000000'), '', $1, $2, $3, 'key', true)
    on conflict (table_id, guard, key) where holds do nothing;
    delete from atone.image as i where i.table_id = $1 and i.guard = $2 and i.key = $3 and i.branch_id = '';
  end if;
  perform atone.refuse_or_wait($1, $2, $3);
end
$$;

create or replace function atone.refuse_writer(table_id integer) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  attached record;
begin
  select * into attached from atone.attached as a where a.id = $1;
  raise exception using
    errcode = 'GX004',
    message = format('%I.%I is written by global transactions only.', attached.schema_name, attached.table_name),
    hint = 'Write inside of a global transaction, through a client that Atone knows; or attach the table again with writers ''any''.',
    schema = attached.schema_name,
    table = attached.table_name;
end
$$;

-- What an undo touches must be its own: of its branch, not only of its global transaction.
create or replace function atone.require_held(table_id integer, old_key text, new_key text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  stranger text;
  attached record;
begin
  select k into stranger
  from unnest(array[$2, $3]) as k
  where k is not null and not exists (
    select from atone.image as i
    where i.table_id = $1 and i.guard = 0 and i.key = k and i.holds and i.gid = atone.current_gid()
      and (
        i.branch_id = current_setting('atone.branch')
        or exists (
          select from atone.image as o
          where o.gid = i.gid and o.branch_id = current_setting('atone.branch') and o.table_id = $1 and o.guard = 0 and o.key = k
        )
      )
  )
  limit 1;
  if found then
    select * into attached from atone.attached as a where a.id = $1;
    raise exception using
      errcode = 'GX003',
      message = format('The undo reached row %s of %I.%I, which its branch has not changed.', stranger, attached.schema_name, attached.table_name),
      hint = 'Somebody has added a row that depends on one which is undone. See it, and repair by hand.';
  end if;
end
$$;

create or replace function atone.refuse_truncate() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(current_setting('atone.gid', true), '') <> ''
    or exists (select from atone.image as i where i.table_id = tg_argv[0]::integer and i.holds) then
    raise exception using
      errcode = 'GX002',
      message = format('%I.%I cannot be truncated: that could not be undone, or global transactions hold rows of it.', tg_table_schema, tg_table_name),
      hint = 'Delete the rows, or wait until no global transaction holds one.';
  end if;
  return null;
end
$$;

-- The body of the trigger function of one table.
create or replace function atone.capture_source(table_id integer, relation regclass, key_columns name[], writers text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  guard_variables text;
  old_guards text;
  new_guards text;
  guard_probes text;
  guard_marks text;
  now_at_new text;
  now_at_old text;
  keep constant text := format(
    $keep$insert into atone.image (gid, branch_id, table_id, guard, key, op, holds, before, after)
    values (me, current_setting('atone.branch'), %1$s, 0, %%1$s, %%2$L, true, %%3$s, %%4$s)
    on conflict (table_id, guard, key) where holds do nothing;
    if not found then
      perform atone.keep_held(me, current_setting('atone.branch'), %1$s, 0::smallint, %%1$s, %%2$L, %%3$s, %%4$s);
      if %%5$s is distinct from %%4$s then
        perform atone.put_first(me, current_setting('atone.branch'), %1$s, %%1$s);
      end if;
    end if;$keep$, $1);
  old_image constant text := atone.image_expression($2, $3, 'old');
  new_image constant text := atone.image_expression($2, $3, 'new');
begin
  select
    format('(select %s from %s as atone_table_ where %s)', atone.image_expression($2, $3, 'atone_table_'), $2,
      string_agg(format('atone_table_.%1$I = new.%1$I', k), ' and ')),
    format('(select %s from %s as atone_table_ where %s)', atone.image_expression($2, $3, 'atone_table_'), $2,
      string_agg(format('atone_table_.%1$I = old.%1$I', k), ' and '))
  into now_at_new, now_at_old
  from unnest($3) as k;
  -- Where row security keeps rows from the owner as well, they are taken to be as they were left.
  if exists (select from pg_class as c where c.oid = $2 and c.relforcerowsecurity) then
    now_at_new := new_image;
    now_at_old := 'null::pg_catalog.jsonb';
  end if;
  select
    string_agg(format(E'  old_guard_%1$s text;\n  new_guard_%1$s text;\n', g.guard), '' order by g.guard),
    string_agg(format(E'    old_guard_%s := atone.short_key(%s);\n', g.guard, g.expression), '' order by g.guard)
  into guard_variables, old_guards
  from atone.guards($2, $3, 'old') as g;
  select
    string_agg(format(E'    new_guard_%s := atone.short_key(%s);\n', g.guard, g.expression), '' order by g.guard),
    string_agg(format(
      E'  if new_guard_%2$s is distinct from old_guard_%2$s then\n    perform atone.probe(%1$s, %2$s::smallint, new_guard_%2$s);\n  end if;\n',
      $1, g.guard), '' order by g.guard),
    string_agg(format(
      E'  if old_guard_%2$s is distinct from new_guard_%2$s and old_guard_%2$s is not null then\n    perform atone.mark(me, current_setting(''atone.branch''), %1$s, %2$s::smallint, old_guard_%2$s);\n  end if;\n',
      $1, g.guard), '' order by g.guard)
  into new_guards, guard_probes, guard_marks
  from atone.guards($2, $3, 'new') as g;
  return format(
    $source$
-- A column of the table may go by any name of these.
#variable_conflict use_column
declare
  me uuid := nullif(current_setting('atone.gid', true), '');
  old_key text;
  new_key text;
%1$sbegin
  if tg_op <> 'INSERT' then
    old_key := %2$s;
%3$s  end if;
  if tg_op <> 'DELETE' then
    new_key := %4$s;
%5$s  end if;
  if me is null then
%6$s    if exists (select from atone.image as i where i.table_id = %7$s and i.guard = 0 and i.key = coalesce(new_key, old_key) and i.holds)
      or old_key <> new_key or current_setting('transaction_isolation') <> 'read committed' then
      perform atone.probe(%7$s, 0::smallint, old_key);
      if new_key is distinct from old_key then
        perform atone.probe(%7$s, 0::smallint, new_key);
      end if;
    end if;
%8$s    return null;
  end if;
  if current_setting('atone.undo', true) = '1' then
    perform atone.require_held(%7$s, old_key, new_key);
    return null;
  end if;
%8$s  if tg_op = 'INSERT' then
    %9$s
  elsif tg_op = 'DELETE' then
    %10$s
  else
    %11$s
    if new_key <> old_key then
      perform atone.mark(me, current_setting('atone.branch'), %7$s, 0::smallint, new_key);
    end if;
  end if;
%12$s  return null;
end
$source$,
    coalesce(guard_variables, ''),
    atone.key_expression($2, $3, 'old'), coalesce(old_guards, ''),
    atone.key_expression($2, $3, 'new'), coalesce(new_guards, ''),
    case when $4 = 'global-only' then format(E'    perform atone.refuse_writer(%s);\n', $1) else '' end,
    $1, coalesce(guard_probes, ''),
    format(keep, 'new_key', 'insert', 'null', new_image, now_at_new),
    format(keep, 'old_key', 'delete', old_image, 'null', now_at_old),
    format(keep, 'old_key', 'update', old_image, new_image, now_at_new),
    coalesce(guard_marks, '')
  );
end
$$;
