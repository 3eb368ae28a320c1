import type { StatementRunner } from './hot.pool.js';
import { LogNotDurableError, ServerTooOldError } from './store.error.js';

const OLDEST_VERSION_NUM = 140_000;

const SETTINGS = {
  name: 'atone-settings',
  text: `
select current_setting('server_version_num')::int as version_num,
       current_setting('server_version') as version,
       current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('synchronous_standby_names') as synchronous_standby_names`,
};

interface Settings {
  readonly version_num: number;
  readonly version: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly synchronous_standby_names: string;
}

/**
 * Checks that the server can hold the log, as the log's own connections see it (a role may have settings of its own).
 *
 * @throws ServerTooOldError
 * @throws LogNotDurableError unless `acceptLoss`.
 */
export async function checkServer(pool: StatementRunner, acceptLoss: boolean): Promise<void> {
  const [settings] = await pool.run<Settings & Record<string, unknown>>(SETTINGS, []);
  if (settings === undefined) return;
  if (settings.version_num < OLDEST_VERSION_NUM) throw new ServerTooOldError(settings.version);
  const lossy = lossySettings(settings);
  if (lossy.length > 0 && !acceptLoss) throw new LogNotDurableError(lossy);
}

/** Returns the settings under which a commit that was acknowledged may be lost. */
export function lossySettings(settings: Omit<Settings, 'version' | 'version_num'>): string[] {
  const lossy: string[] = [];
  if (settings.fsync === 'off') lossy.push('fsync=off');
  if (settings.full_page_writes === 'off') lossy.push('full_page_writes=off');
  if (settings.synchronous_commit === 'off') lossy.push('synchronous_commit=off');
  // With synchronous standbys, a fail-over would lose what only the primary has.
  if (settings.synchronous_commit === 'local' && settings.synchronous_standby_names !== '') {
    lossy.push('synchronous_commit=local beside synchronous_standby_names');
  }
  return lossy;
}
