-- What is known of types: how a value becomes a key by which a row is held, and an image from which it comes back.

-- A domain is what it is made of.
create or replace function atone.base_type(type oid) returns oid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive chain (oid, typtype, typbasetype) as (
    select t.oid, t.typtype, t.typbasetype from pg_type as t where t.oid = $1
    union all
    select t.oid, t.typtype, t.typbasetype from chain as c join pg_type as t on t.oid = c.typbasetype and c.typtype = 'd'
  )
  select c.oid from chain as c where c.typtype <> 'd'
$$;

-- A type by its name, and what a domain is made of in its place: an image may lack a value that the domain wants.
create or replace function atone.base_type_name(type oid, modifier integer) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive chain (oid, modifier, typtype, typbasetype, typtypmod) as (
    select t.oid, $2, t.typtype, t.typbasetype, t.typtypmod from pg_type as t where t.oid = $1
    union all
    select t.oid, c.typtypmod, t.typtype, t.typbasetype, t.typtypmod from chain as c join pg_type as t on t.oid = c.typbasetype and c.typtype = 'd'
  )
  select format_type(c.oid, c.modifier) from chain as c where c.typtype <> 'd'
$$;

-- The expression whose text is equal where values are, whatever the settings of the session. Null: none is known.
create or replace function atone.key_text(value text, type oid, collation_oid oid) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when exists (select from pg_collation as c where c.oid = $3 and not c.collisdeterministic) then null
    when t.typtype = 'e' then format('(%s)::pg_catalog.text', $1)
    when t.oid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype, 'varchar'::regtype,
      'bpchar'::regtype, 'name'::regtype, '"char"'::regtype, 'bool'::regtype, 'oid'::regtype, 'inet'::regtype, 'cidr'::regtype,
      'macaddr'::regtype, 'macaddr8'::regtype, 'bit'::regtype, 'varbit'::regtype, 'pg_lsn'::regtype)
      then format('(%s)::pg_catalog.text', $1)
    when t.oid = 'numeric'::regtype then format('pg_catalog.trim_scale(%s)::pg_catalog.text', $1)
    when t.oid in ('float4'::regtype, 'float8'::regtype) then null
    when t.oid in ('date'::regtype, 'timestamp'::regtype, 'time'::regtype) then format('pg_catalog.to_jsonb(%s)::pg_catalog.text', $1)
    when t.oid = 'timestamptz'::regtype
      then format('pg_catalog.to_jsonb(pg_catalog.timezone(''UTC'', %s))::pg_catalog.text', $1)
    when t.oid = 'bytea'::regtype then format('pg_catalog.encode(%s, ''hex'')', $1)
    when t.typname = 'citext' and exists (select from pg_cast as c where c.castsource = t.oid and c.casttarget = 'text'::regtype)
      then format('pg_catalog.lower((%s)::pg_catalog.text)', $1)
  end
  from pg_type as t
  where t.oid = atone.base_type($2)
$$;

-- What to_jsonb would lose: an image has the text of the column instead.
create or replace function atone.is_kept_as_text(type oid) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select t.typcategory = 'A' or t.typtype = 'c'
    -- The zero of a number of JSON has no sign.
    or t.oid in ('json'::regtype, 'jsonb'::regtype, 'float4'::regtype, 'float8'::regtype)
    or exists (select from pg_cast as c where c.castsource = t.oid and c.casttarget = 'json'::regtype)
  from pg_type as t
  where t.oid = atone.base_type($1)
$$;

-- The columns whose values an image has: what is generated from others follows by itself.
create or replace function atone.image_columns(relation regclass, key_columns name[])
returns table (place smallint, name name, type text, kept_as_text boolean, is_generated boolean, is_always_identity boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.attnum, a.attname, atone.base_type_name(a.atttypid, a.atttypmod), atone.is_kept_as_text(a.atttypid),
    a.attgenerated <> '', a.attidentity = 'a'
  from pg_attribute as a
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
    and (a.attgenerated = '' or a.attname = any ($2))
  order by a.attnum
$$;

-- The expression that makes the image of the row that goes by `row_name`.
create or replace function atone.image_expression(relation regclass, key_columns name[], row_name text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when not bool_or(c.kept_as_text) and count(*) = (
      select count(*) from pg_attribute as a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
    )
      then format('pg_catalog.to_jsonb(%s)', case when $3 in ('new', 'old') then $3 else concat($3, '.*') end)
    else format(
      '(select pg_catalog.to_jsonb(atone_image_.*) from (select %s) as atone_image_)',
      string_agg(format(case when c.kept_as_text then '(%1$s.%2$I)::pg_catalog.text as %2$I' else '%1$s.%2$I as %2$I' end, $3, c.name), ', ' order by c.place)
    )
  end
  from atone.image_columns($1, $2) as c
$$;

-- The text by which the row that goes by `row_name` is held: one key column as its text, several as a list. Null where one has none.
create or replace function atone.key_expression(relation regclass, key_columns name[], row_name text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when count(t.expression) < cardinality($2) then null
    -- Numbers and the like are short as they are.
    when count(*) = 1 and bool_and(y.typlen > 0) then min(t.expression)
    when count(*) = 1 then format('atone.short_key(%s)', min(t.expression))
    else format('atone.short_key(pg_catalog.jsonb_build_array(%s)::pg_catalog.text)', string_agg(t.expression, ', ' order by k.ordinality))
  end
  from unnest($2) with ordinality as k (name, ordinality)
  join pg_attribute as a on a.attrelid = $1 and a.attname = k.name
  join pg_type as y on y.oid = atone.base_type(a.atttypid)
  left join lateral atone.key_text(format('%s.%I', $3, k.name), a.atttypid, a.attcollation) as t (expression) on true
$$;

-- An index has no room for long keys.
create or replace function atone.short_key(key text) returns text
language sql immutable parallel safe
as $$
  select case
    when pg_catalog.octet_length($1) > 512
      then pg_catalog.concat('sha256:', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8')), 'hex'))
    else $1
  end
$$;

-- The unique indexes of a table but that of its key, each with the expression of the value that it keeps apart.
create or replace function atone.guards(relation regclass, key_columns name[], row_name text)
returns table (guard smallint, index_name name, expression text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (row_number() over (order by i.indexrelid))::smallint, c.relname,
    format(
      '(select case when %s then pg_catalog.jsonb_build_array(%s)::pg_catalog.text end from (select %s.*) as atone_row_)',
      concat_ws(
        ' and ',
        case when i.indpred is not null then format('(%s)', pg_get_expr(i.indpred, i.indrelid)) end,
        coalesce(
          case when not coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
            then string_agg(format('(%s) is not null', part.definition), ' and ' order by part.ordinality) end,
          'true'
        )
      ),
      string_agg(
        coalesce(atone.key_text(part.definition, a.atttypid, a.attcollation), format('(%s)::pg_catalog.text', part.definition)),
        ', ' order by part.ordinality
      ),
      $3
    )
  from pg_index as i
  join pg_class as c on c.oid = i.indexrelid
  cross join lateral (
    select n, pg_get_indexdef(i.indexrelid, n, false) from generate_series(1, i.indnkeyatts) as n
  ) as part (ordinality, definition)
  join pg_attribute as a on a.attrelid = i.indexrelid and a.attnum = part.ordinality
  where i.indrelid = $1 and i.indisunique and i.indisvalid
    and not (
      i.indpred is null and i.indexprs is null
      and (
        select array_agg(t.attname order by t.attname)
        from pg_attribute as t where t.attrelid = i.indrelid and t.attnum = any (i.indkey[0:i.indnkeyatts - 1])
      ) = (select array_agg(k order by k) from unnest($2) as k)
    )
  group by i.indexrelid, i.indrelid, i.indpred, c.relname, i.*
$$;

-- The settings under which values print the same in every session, where the types of a table need them.
create or replace function atone.capture_settings(relation regclass, key_columns name[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select concat(
    'set search_path = pg_catalog, pg_temp',
    case when bool_or(a.is_nested or t.typcategory in ('T', 'R') or t.typtype in ('r', 'm')) then ' set intervalstyle = postgres set datestyle = iso' end,
    case when bool_or(a.is_nested or t.oid in ('float4'::regtype, 'float8'::regtype) or t.typcategory = 'G') then ' set extra_float_digits = 1' end,
    case when bool_or(a.is_nested) then ' set bytea_output = hex' end,
    case when bool_or(a.is_nested or t.oid = 'money'::regtype) then ' set lc_monetary = ''C''' end
  )
  from atone.image_columns($1, $2) as c
  join pg_attribute as p on p.attrelid = $1 and p.attname = c.name
  join pg_type as t on t.oid = atone.base_type(p.atttypid)
  -- What is kept as text may have values of any type inside; a number has not.
  cross join lateral (select c.kept_as_text and t.typcategory <> 'N') as a (is_nested)
$$;
