-- What is globally committed, read without waiting for anybody.

-- Makes the view of a table: its rows, and in the place of those that others hold, how they were.
create or replace function atone.build_view(table_id integer, relation regclass, view_name name) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  attached atone.attached;
  parts jsonb;
  names text;
begin
  select * into attached from atone.attached as a where a.id = $1;
  parts := atone.undo_parts(attached);
  -- Images leave out what is generated: it is generated again.
  select string_agg(
    case
      when a.attgenerated <> '' and not a.attname = any (attached.key_columns) then format('(%s) as %I', pg_get_expr(d.adbin, d.adrelid), a.attname)
      else format('atone_past_.%1$I as %1$I', a.attname)
    end, ', ' order by a.attnum)
  into names
  from pg_attribute as a
  left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = $2 and a.attnum > 0 and not a.attisdropped;
  execute format(
    'create view atone_read.%I as '
    'select atone_table_.* from %s as atone_table_ where not exists ('
    '  select from atone.image as i where i.table_id = %s and i.guard = 0 and i.key = %s and i.holds and i.gid is distinct from atone.current_gid()) '
    'union all '
    'select %s from (select atone_row_.* from ('
    '  select distinct on (i.gid, i.key) i.before from atone.image as i'
    '  where i.table_id = %s and i.guard = 0 and i.gid is distinct from atone.current_gid() order by i.gid, i.key, i.id'
    ') as atone_image_ cross join lateral (%s) as atone_row_ where atone_image_.before is not null) as atone_past_',
    $3, $2, $1, atone.key_expression($2, attached.key_columns, 'atone_table_'), names, $1,
    atone.row_query('atone_image_.before', parts)
  );
end
$$;
