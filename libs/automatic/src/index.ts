export {
  attach,
  attachedTables,
  checkTables,
  detach,
  type AttachedTable,
  type AttachOptions,
  type TableProblem,
} from './attached.tables.js';
export { AutomaticMissingError, AutomaticOutdatedError } from './automatic.error.js';
export { heldRows, type HeldRow } from './held.rows.js';
export { checkInstallation, grantTo, installAutomatic, installationScript } from './install.js';
