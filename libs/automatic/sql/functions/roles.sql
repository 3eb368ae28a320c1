-- Who may do what. The role that installs owns everything and attaches tables. Whoever only writes to attached tables needs nothing: what
-- protects them runs with the rights of the role that attached them.

-- Which rows are held, by whom and since when, without what is in them.
create or replace view atone.held as
select a.schema_name, a.table_name, i.key, i.gid, i.branch_id, i.created_at as since
from atone.image as i
join atone.attached as a on a.id = i.table_id
where i.holds and i.guard = 0;

-- Gives `role` what it needs: 'run' for a service whose branches are undone and cleaned up; 'read' to see who holds what, and the views of
-- globally committed rows.
create or replace function atone.grant_to(role name, use text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if $2 is null or $2 not in ('run', 'read') then
    raise exception using errcode = 'GX010', message = format('A role is granted ''run'' or ''read'', not ''%s''.', $2);
  end if;
  execute format('grant usage on schema atone, atone_read to %I', $1);
  execute format('grant select on atone.attached, atone.held, atone.automatic_version to %I', $1);
  if $2 = 'run' then
    execute format('grant select, update, delete on atone.image to %I', $1);
    execute format('grant select, insert, delete on atone.undoing to %I', $1);
  else
    execute format('grant select on all tables in schema atone_read to %I', $1);
    execute format('alter default privileges in schema atone_read grant select on tables to %I', $1);
  end if;
end
$$;
