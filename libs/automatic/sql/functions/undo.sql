-- How images are applied: newest first, and only to rows that are as they were left.

-- Applies the images of a branch, newest first. What another row stands against (a foreign key, a unique value) is put off until that one has
-- been dealt with. Returns what is dirty, each row once, with what came before all that the branch has written to it.
create or replace function atone.undo_images(gid uuid, branch_id text, choice text) returns jsonb
language plpgsql
as $$
#variable_conflict use_column
declare
  waiting bigint[];
  next_waiting bigint[];
  postponed text[];
  image atone.image;
  parts jsonb := '{}';
  attached atone.attached;
  title text;
  row_name text;
  verdict jsonb;
  dirty jsonb[] := '{}';
  dirty_names text[] := '{}';
  kept_names text[] := '{}';
  troubles jsonb[];
  trouble_names text[];
  place integer;
begin
  select array_agg(i.id order by i.id desc) into waiting
  from atone.image as i where i.gid = $1 and i.branch_id = $2 and i.op <> 'key';
  while cardinality(waiting) > 0 loop
    next_waiting := '{}';
    postponed := '{}';
    troubles := '{}';
    trouble_names := '{}';
    for image in
      select i.* from atone.image as i where i.gid = $1 and i.branch_id = $2 and i.id = any (waiting) order by i.id desc
    loop
      row_name := concat(image.table_id, ':', image.key);
      continue when row_name = any (kept_names);
      place := array_position(dirty_names, row_name);
      if place is not null then
        dirty[place] := jsonb_set(dirty[place], '{restore}', coalesce(image.before, 'null'));
        continue;
      end if;
      if not parts ? image.table_id::text then
        select * into attached from atone.attached as a where a.id = image.table_id;
        parts := parts || jsonb_build_object(image.table_id::text, atone.undo_parts(attached));
      end if;
      if parts -> image.table_id::text = 'null' then
        continue when $3 = 'keep';
        select format('%I.%I', a.schema_name, a.table_name) into title from atone.attached as a where a.id = image.table_id;
        dirty := dirty || jsonb_build_object('table', title, 'key', image.key, 'expected', image.after, 'found', null, 'restore', image.before,
          'reason', case when to_regclass(title) is null then 'The table is gone.' else 'A column of its key is gone.' end);
        dirty_names := dirty_names || row_name;
        continue;
      end if;
      if atone.row_names(image, parts -> image.table_id::text) && postponed then
        place := array_position(trouble_names, row_name);
        if place is not null then
          troubles[place] := jsonb_set(troubles[place], '{restore}', coalesce(image.before, 'null'));
        end if;
        next_waiting := next_waiting || image.id;
        continue;
      end if;
      begin
        verdict := atone.undo_image(image, parts -> image.table_id::text, $3);
        if verdict is not null then
          dirty := dirty || verdict;
          dirty_names := dirty_names || row_name;
        end if;
      exception
        when foreign_key_violation or restrict_violation or unique_violation or exclusion_violation then
          troubles := troubles || jsonb_build_object('table', parts -> image.table_id::text ->> 'title', 'key', image.key,
            'expected', image.after, 'found', null, 'restore', image.before, 'reason', sqlerrm, 'code', sqlstate);
          trouble_names := trouble_names || row_name;
          next_waiting := next_waiting || image.id;
          postponed := postponed || atone.row_names(image, parts -> image.table_id::text);
        -- Another type, a rule or a trigger that has come since: no other row will make way for this one.
        when integrity_constraint_violation or data_exception or raise_exception then
          if $3 = 'keep' then
            kept_names := kept_names || row_name;
          else
            dirty := dirty || jsonb_build_object('table', parts -> image.table_id::text ->> 'title', 'key', image.key,
              'expected', image.after, 'found', null, 'restore', image.before, 'reason', sqlerrm, 'code', sqlstate);
            dirty_names := dirty_names || row_name;
          end if;
      end;
    end loop;
    if cardinality(next_waiting) = cardinality(waiting) then
      -- What is to be kept includes what stands against the rest.
      exit when $3 = 'keep';
      return to_jsonb(dirty || troubles);
    end if;
    waiting := next_waiting;
  end loop;
  if cardinality(dirty) = 0 then
    begin
      set constraints all immediate;
    exception
      when foreign_key_violation or restrict_violation or unique_violation or exclusion_violation then
        return jsonb_build_array(jsonb_build_object('reason', sqlerrm, 'code', sqlstate));
    end;
  end if;
  return to_jsonb(dirty);
end
$$;

-- Ends an undo that cannot go on: its local transaction is rolled back, and the rows stay held until a person has decided.
-- `seen` stands for what an undo without a choice would tell, and is what the next choice must name.
create or replace function atone.refuse_dirty(gid uuid, branch_id text, dirty jsonb, seen text) returns void
language plpgsql
as $$
begin
  raise exception using
    errcode = 'GX006',
    message = pg_catalog.format('%s rows of branch %s of %s cannot be put back as they were.', pg_catalog.jsonb_array_length($3), $2, $1),
    detail = pg_catalog.jsonb_build_object(
      'seen', $4,
      'rowCount', pg_catalog.jsonb_array_length($3),
      'rows', pg_catalog.jsonb_path_query_array($3, '$[0 to 99]')
    ),
    hint = 'Somebody else has changed them. A person decides what is right.';
end
$$;

-- What is dirty now: what an undo would find, which is taken back again.
create or replace function atone.dirty_rows_of(gid uuid, branch_id text) returns jsonb
language plpgsql
as $$
declare
  dirty jsonb;
begin
  begin
    dirty := atone.undo_images($1, $2, null);
    raise exception using errcode = 'GX099', message = 'This is taken back.';
  exception
    when sqlstate 'GX099' then
      return dirty;
  end;
end
$$;

-- The last branch of the same transaction that has changed something later than `branch_id` did.
create or replace function atone.branch_after(gid uuid, branch_id text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select i.branch_id
  from atone.image as i
  where i.gid = $1 and i.branch_id <> $2
    and i.id > (select max(o.id) from atone.image as o where o.gid = $1 and o.branch_id = $2)
  order by i.id desc
  limit 1
$$;

-- Puts the rows back as they were before branch `branch_id` of `gid`. A row that somebody else has changed is left alone, and with it all others,
-- by error GX006, until a person chooses: 'restore' what was, 'keep' what is there, or 'merge', which restores what nobody has changed since. A
-- choice counts for what the person has `seen`, as GX006 told it, and for nothing that came later.
-- Outcomes: undone; covered, where another branch of the same transaction has written over a row, or stands against the undo, and must be
-- undone first.
create or replace function atone.undo_branch(gid uuid, branch_id text, choice text default null, seen text default null) returns jsonb
language plpgsql
set datestyle = iso set intervalstyle = postgres set extra_float_digits = 1 set bytea_output = hex set lc_monetary = 'C'
as $$
#variable_conflict use_column
declare
  dirty jsonb;
  covering text;
begin
  if $3 is not null and $3 not in ('restore', 'keep', 'merge') then
    raise exception using errcode = 'GX012', message = format('The choice is ''restore'', ''keep'' or ''merge'', not ''%s''.', $3);
  end if;
  select above.branch_id into covering
  from atone.image as i
  join atone.image as above on above.gid = i.gid and above.table_id = i.table_id and above.guard = i.guard and above.key = i.key
    and above.id > i.id and above.branch_id <> i.branch_id
  where i.gid = $1 and i.branch_id = $2
  limit 1;
  if found then
    return jsonb_build_object('outcome', 'covered', 'branchId', covering);
  end if;
  begin
    perform set_config('atone.undo', '1', true), set_config('atone.gid', $1::text, true), set_config('atone.branch', $2, true);
    set constraints all deferred;
    if $3 is not null then
      dirty := atone.dirty_rows_of($1, $2);
      -- Where nothing is dirty any more there is nothing to choose.
      if md5(dirty::text) is distinct from $4 and jsonb_array_length(dirty) > 0 then
        perform atone.refuse_dirty($1, $2, dirty, md5(dirty::text));
      end if;
    end if;
    dirty := atone.undo_images($1, $2, $3);
    if jsonb_array_length(dirty) > 0 then
      perform atone.refuse_dirty($1, $2, dirty, case when $3 is null then md5(dirty::text) else $4 end);
    end if;
    perform set_config('atone.undo', '', true), set_config('atone.gid', '', true), set_config('atone.branch', '', true);
  exception
    -- What a later branch has done to other rows may stand against this one: a row that depends on one of these, a unique value.
    when sqlstate 'GX003' or sqlstate 'GX006' then
      covering := atone.branch_after($1, $2);
      if covering is null then
        raise;
      end if;
      return jsonb_build_object('outcome', 'covered', 'branchId', covering);
  end;
  delete from atone.image as i where i.gid = $1 and i.branch_id = $2;
  return jsonb_build_object('outcome', 'undone');
end
$$;

-- Ends branches that have come to stay: what they hold is free. Returns how many rows and unique values that were.
create or replace function atone.release(gids uuid[], branch_ids text[]) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  released bigint;
begin
  with gone as (
    delete from atone.image as i using unnest($1, $2) as b (gid, branch_id)
    where i.gid = b.gid and i.branch_id = b.branch_id
    returning i.gid, i.holds
  )
  select count(*) filter (where holds), array_agg(distinct gid) into released, gids from gone;
  -- A row that another branch has written over goes on being held, by its oldest image that is left.
  update atone.image as i
  set holds = true
  where i.gid = any (gids) and not i.holds
    and not exists (
      select from atone.image as o
      where o.gid = i.gid and o.table_id = i.table_id and o.guard = i.guard and o.key = i.key and (o.holds or o.id < i.id)
    );
  return released;
end
$$;
