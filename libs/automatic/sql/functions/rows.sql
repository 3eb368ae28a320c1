-- How a row is found by its image, compared with it, and put back.

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
