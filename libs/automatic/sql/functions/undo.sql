-- How images are applied: newest first, and only to rows that are as they were left.

-- What the statements of an undo need of a table, written once for each branch. Null: it is gone, or a column of its key is.
create or replace function atone.undo_parts(attached atone.attached) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  title constant text := format('%I.%I', $1.schema_name, $1.table_name);
  relation constant regclass := to_regclass(title);
  fields text;
  definitions text;
  key_match text;
  settable text;
begin
  if relation is null or exists (
    select from unnest($1.key_columns) as k (name)
    where not exists (select from pg_attribute as a where a.attrelid = relation and a.attname = k.name)
  ) then
    return null;
  end if;
  select
    string_agg(format(case when c.kept_as_text then '(atone_row_.%1$I)::%2$s as %1$I' else 'atone_row_.%1$I as %1$I' end, c.name, c.type), ', ' order by c.place),
    string_agg(format('%I %s', c.name, case when c.kept_as_text then 'pg_catalog.text' else c.type end), ', ' order by c.place)
  into fields, definitions
  from atone.image_columns(relation, $1.key_columns) as c;
  select string_agg(format('atone_table_.%1$I operator(%2$I.=) (select atone_wanted_.%1$I from atone_wanted_)', k.name, coalesce(o.nspname, 'pg_catalog')), ' and ')
  into key_match
  from unnest($1.key_columns) as k (name)
  join pg_attribute as a on a.attrelid = relation and a.attname = k.name
  left join lateral (
    select n.nspname
    from pg_index as i
    cross join lateral unnest(i.indkey[0:i.indnkeyatts - 1], i.indclass[0:i.indnkeyatts - 1]) as part (attnum, opclass)
    join pg_opclass as c on c.oid = part.opclass
    join pg_amop as m on m.amopfamily = c.opcfamily and m.amopstrategy = 3 and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
    join pg_operator as p on p.oid = m.amopopr
    join pg_namespace as n on n.oid = p.oprnamespace
    where i.indrelid = relation and part.attnum = a.attnum and i.indisunique
    limit 1
  ) as o on true;
  return jsonb_build_object(
    'title', title,
    'fields', fields,
    'definitions', definitions,
    'match', key_match,
    'image', atone.image_expression(relation, $1.key_columns, 'atone_table_'),
    'wanted_image', atone.image_expression(relation, $1.key_columns, 'atone_wanted_'),
    'keys', to_jsonb($1.key_columns),
    'columns', (
      select jsonb_agg(jsonb_build_object('name', c.name, 'generated', c.is_generated, 'always', c.is_always_identity) order by c.place)
      from atone.image_columns(relation, $1.key_columns) as c
    )
  );
end
$$;

-- The query for the row of the table that the image `parameter` stands for.
create or replace function atone.row_query(parameter text, parts jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select format('select %s from pg_catalog.jsonb_to_record(%s) as atone_row_ (%s)', $2 ->> 'fields', $1, $2 ->> 'definitions')
$$;

-- The same, as a query named atone_wanted_.
create or replace function atone.row_from(parameter text, parts jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select format('atone_wanted_ as (%s)', atone.row_query($1, $2))
$$;

-- The image as it would be made now, by this session, of the columns that the table still has.
create or replace function atone.image_now(image jsonb, parts jsonb) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  made jsonb;
begin
  if $1 is null then
    return null;
  end if;
  execute format('with %s select %s from atone_wanted_', atone.row_from('$1', parts), parts ->> 'wanted_image') into made using $1;
  return atone.narrowed(made, $1);
end
$$;

-- Of `made`, what `image` has as well: a column that came later has no past.
create or replace function atone.narrowed(made jsonb, image jsonb) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(m.key, m.value) from jsonb_each($1) as m where $2 ? m.key
$$;

-- The image of the row that is there under the key of `image`, locked; null where none is.
create or replace function atone.row_image(image jsonb, parts jsonb) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  made jsonb;
begin
  execute format('with %s select %s from %s as atone_table_ where %s for update', atone.row_from('$1', parts), parts ->> 'image', parts ->> 'title', parts ->> 'match')
  into made using $1;
  return atone.narrowed(made, $1);
end
$$;

-- Whether two images are of one key.
create or replace function atone.same_key(one jsonb, other jsonb, parts jsonb) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select bool_and($1 -> k = $2 -> k) from jsonb_array_elements_text($3 -> 'keys') as k
$$;

-- The names under which an image puts off older ones: of its row, under the key that it found and the one that it left.
create or replace function atone.row_names(image atone.image, parts jsonb) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(concat($1.table_id, ':', n.name))
  from (
    select $1.key
    union all
    select (select jsonb_agg(i.image -> k)::text from jsonb_array_elements_text($2 -> 'keys') as k)
    from unnest(array[$1.before, $1.after]) as i (image)
    where i.image is not null
  ) as n (name)
$$;

-- `found`, with those columns put back which nobody has changed since.
create or replace function atone.merged(before jsonb, after jsonb, found jsonb) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when $1 is null or $2 is null or $3 is null then $3
    else (select jsonb_object_agg(f.key, case when f.value = $2 -> f.key then $1 -> f.key else f.value end) from jsonb_each($3) as f)
  end
$$;

create or replace function atone.write_row(present jsonb, wanted jsonb, parts jsonb) returns void
language plpgsql
as $$
declare
  names text;
  settings text;
begin
  if $2 is null then
    execute format('with %s delete from %s as atone_table_ where %s', atone.row_from('$1', parts), parts ->> 'title', parts ->> 'match') using $1;
    return;
  end if;
  select
    string_agg(quote_ident(c ->> 'name'), ', ') filter (where not (c ->> 'generated')::boolean),
    string_agg(format('%1$I = (select atone_new_.%1$I from atone_new_)', c ->> 'name'), ', ')
      filter (where not (c ->> 'generated')::boolean and not (c ->> 'always')::boolean)
  into names, settings
  from jsonb_array_elements(parts -> 'columns') as c
  where $2 ? (c ->> 'name');
  if $1 is null then
    execute format('with %s insert into %s (%s) overriding system value select %s from atone_wanted_', atone.row_from('$1', parts), parts ->> 'title', names, names)
    using $2;
  else
    execute format(
      'with %s, atone_new_ as (%s) update %s as atone_table_ set %s where %s',
      atone.row_from('$1', parts), atone.row_query('$2', parts), parts ->> 'title', settings, parts ->> 'match'
    ) using $1, $2;
  end if;
end
$$;

-- Undoes one image. Null: the row is as it was before it. Else what stands against that.
create or replace function atone.undo_image(image atone.image, parts jsonb, choice text) returns jsonb
language plpgsql
as $$
declare
  title constant text := parts ->> 'title';
  -- The row that the statement has left, and the one that it found.
  left_as constant jsonb := $1.after;
  found_as constant jsonb := $1.before;
  current_at_new jsonb;
  current_at_old jsonb;
  after_now jsonb;
  before_now jsonb;
  is_moved boolean;
  verified jsonb;
begin
  after_now := atone.image_now(left_as, parts);
  before_now := atone.image_now(found_as, parts);
  current_at_new := atone.row_image(coalesce(left_as, found_as), parts);
  is_moved := left_as is not null and found_as is not null and not atone.same_key(left_as, found_as, parts);
  current_at_old := case when is_moved then atone.row_image(found_as, parts) else current_at_new end;
  if current_at_old is not distinct from before_now and (not is_moved or current_at_new is null) then
    return null;
  end if;
  if current_at_new is distinct from after_now then
    -- A trigger of the user's has gone further back in one go, to a state that an older image left or found.
    if not is_moved and exists (
      select from atone.image as o
      where o.gid = $1.gid and o.branch_id = $1.branch_id and o.table_id = $1.table_id and o.key = $1.key and o.id < $1.id and o.op <> 'key'
        and atone.image_now(o.before, parts) is not distinct from current_at_new
    ) then
      return null;
    end if;
    if choice is null then
      return jsonb_build_object('table', title, 'key', $1.key, 'expected', after_now, 'found', current_at_new, 'restore', before_now);
    elsif choice = 'keep' then
      return null;
    elsif choice = 'merge' then
      before_now := atone.merged(before_now, after_now, current_at_new);
      if before_now is not distinct from current_at_new then
        return null;
      end if;
    end if;
  end if;
  perform atone.write_row(case when current_at_new is null then null else coalesce(left_as, found_as) end, before_now, parts);
  verified := atone.row_image(coalesce(found_as, left_as), parts);
  if verified is distinct from before_now and choice is distinct from 'keep' then
    return jsonb_build_object('table', title, 'key', $1.key, 'expected', before_now, 'found', verified, 'restore', before_now,
      'reason', 'A trigger, a rule or row security has changed what was restored.');
  end if;
  return null;
end
$$;

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
