export { attach, checkTables, detach, type AttachOptions, type TableProblem } from './attached.tables.js';
export { AutomaticMissingError, AutomaticOutdatedError } from './automatic.error.js';
export { checkInstallation, installAutomatic } from './install.js';
